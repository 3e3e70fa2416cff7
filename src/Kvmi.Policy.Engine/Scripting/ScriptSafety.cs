using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Findings;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Kvmi.Policy.Engine.Scripting;

/// <summary>What no script may say, whatever it compiles to. Reported before binding, because the compiler's own words would mislead.</summary>
internal static class ScriptSafety
{
    /// <summary>Adds a finding for each #r, unsafe and async in a file.</summary>
    public static void Check(SyntaxTree tree, Func<Location, SourceLocation> locate, ICollection<Finding> findings)
    {
        foreach (var directive in ((CompilationUnitSyntax)tree.GetRoot()).GetReferenceDirectives())
        {
            findings.Add(new(locate(directive.GetLocation()), FindingSeverity.Error, CodeFindings.ReferenceDirective,
                "scripts cannot reference assemblies with #r",
                "name a plugin under requires.plugins, or share code between scripts with #load"));
        }

        foreach (var token in tree.GetRoot().DescendantTokens())
        {
            switch (token.Kind())
            {
                case SyntaxKind.AsyncKeyword or SyntaxKind.AwaitKeyword:
                    findings.Add(new(locate(token.GetLocation()), FindingSeverity.Error, CodeFindings.Async,
                        $"scripts cannot use {token.ValueText}: handlers are synchronous, because the vCPU waits for the decision",
                        "return the decision directly"));
                    break;
                case SyntaxKind.UnsafeKeyword:
                    findings.Add(new(locate(token.GetLocation()), FindingSeverity.Error, CodeFindings.Unsafe,
                        "scripts cannot use unsafe code",
                        "read guest memory with Memory.TryReadPhysical or Memory.TryReadVirtual"));
                    break;
            }
        }
    }
}
