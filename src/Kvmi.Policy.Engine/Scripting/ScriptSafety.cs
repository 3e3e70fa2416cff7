using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Findings;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Kvmi.Policy.Engine.Scripting;

/// <summary>What no script may say, whatever it compiles to. Reported before binding, because the compiler's own words would mislead.</summary>
internal static class ScriptSafety
{
    private const int MaxStackElements = 512;

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
                case SyntaxKind.StackAllocKeyword when !IsBoundedStackAllocation(token.Parent!):
                    findings.Add(new(locate(token.GetLocation()), FindingSeverity.Error, CodeFindings.StackAllocation,
                        $"stackalloc takes a literal length of at most {MaxStackElements} and stands outside loops: the stack is the host's",
                        "keep an array in a top-level variable"));
                    break;
            }
        }
    }

    // Stack memory comes back only when the method ends, so a loop, made of goto or not, could use all of it.
    private static bool IsBoundedStackAllocation(SyntaxNode node)
    {
        if (node is StackAllocArrayCreationExpressionSyntax { Type: ArrayTypeSyntax { RankSpecifiers: [{ Sizes: [var size] }] } }
            && size is not (OmittedArraySizeExpressionSyntax or LiteralExpressionSyntax { Token.Value: >= 0 and <= MaxStackElements }))
        {
            return false;
        }

        foreach (var ancestor in node.Ancestors())
        {
            if (ancestor is ForStatementSyntax or CommonForEachStatementSyntax or WhileStatementSyntax or DoStatementSyntax)
                return false;

            if (ancestor is BaseMethodDeclarationSyntax or AccessorDeclarationSyntax or AnonymousFunctionExpressionSyntax or LocalFunctionStatementSyntax
                or CompilationUnitSyntax)
            {
                return !ancestor.DescendantNodes().Any(child => child.IsKind(SyntaxKind.GotoStatement));
            }
        }

        return true;
    }
}
