using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Containment.AllowList;
using Kvmi.Policy.Engine.Containment.Metering;
using Kvmi.Policy.Engine.Findings;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Emit;
using Microsoft.CodeAnalysis.Text;

namespace Kvmi.Policy.Engine.Scripting;

/// <summary>
/// The part of compiling that needs Roslyn: no other class may name its types in a field or a signature, so that a start whose scripts are all
/// in the compile cache never loads it. Thread-safe.
/// </summary>
internal static class RoslynCompiler
{
    private static readonly CSharpParseOptions ParseOptions =
        new(LanguageVersion.Latest, DocumentationMode.None, SourceCodeKind.Script);

    private static readonly CSharpCompilationOptions CompilationOptions = new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary)
        .WithUsings("System", "Kvmi.Policy", "Kvmi.Protocol")
        .WithOptimizationLevel(OptimizationLevel.Release)
        .WithNullableContextOptions(NullableContextOptions.Enable)
        .WithAllowUnsafe(false)
        .WithDeterministic(true)
        .WithConcurrentBuild(false)
        .WithMetadataReferenceResolver(null)
        .WithSpecificDiagnosticOptions(new Dictionary<string, ReportDiagnostic>
        {
            // A plugin built against a lower contract version is unified with the host's: that is the rule, not a warning.
            ["CS1701"] = ReportDiagnostic.Suppress,
            ["CS1702"] = ReportDiagnostic.Suppress,
        });

    private static readonly SymbolDisplayFormat FullNames = new(
        typeQualificationStyle: SymbolDisplayTypeQualificationStyle.NameAndContainingTypesAndNamespaces,
        genericsOptions: SymbolDisplayGenericsOptions.IncludeTypeParameters);

    /// <summary>Compiles a script, checks it against the allow-list and meters it.</summary>
    public static ScriptCompilation Compile(ScriptSource source, IReadOnlyList<ScriptPluginReference> plugins)
    {
        var resolver = new BoundedSourceResolver(source.Folder);
        var tree = CSharpSyntaxTree.ParseText(SourceText.From(source.Text, Encoding.UTF8), ParseOptions, source.Path);
        var compilation = CSharpCompilation.CreateScriptCompilation(
            "policy." + source.PolicyId,
            tree,
            ScriptReferences.All.AddRange(plugins.Select(plugin => MetadataReference.CreateFromImage(ImmutableCollectionsMarshal.AsImmutableArray(plugin.Image)))),
            CompilationOptions.WithSourceReferenceResolver(resolver),
            returnType: typeof(object),
            globalsType: typeof(PolicyScript));

        var hints = new ScriptHints(compilation);
        var findings = new List<Finding>();
        foreach (var file in compilation.SyntaxTrees)
            ScriptSafety.Check(file, Locate, findings);

        if (findings.Count > 0)
            return new(null, findings, FromCache: false);

        using var image = new MemoryStream();
        using var symbols = new MemoryStream();
        var emitted = compilation.Emit(
            image,
            symbols,
            options: new EmitOptions(debugInformationFormat: DebugInformationFormat.PortablePdb),
            embeddedTexts: compilation.SyntaxTrees.Select(file => EmbeddedText.FromSource(file.FilePath, file.GetText())));

        findings.AddRange(emitted.Diagnostics.Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning).Select(ToFinding));
        if (!emitted.Success)
            return new(null, Ordered(findings), FromCache: false);

        var code = image.ToArray();
        var debug = symbols.ToArray();
        ScriptDecisions.Check(compilation, Locate, findings);
        findings.AddRange(AllowListCheck.Run(AllowedMembers.Default, AllowedAssemblies(plugins), code, debug).Select(ToRefusal));
        if (findings.Exists(finding => finding.Severity == FindingSeverity.Error))
            return new(null, Ordered(findings), FromCache: false);

        (code, debug) = ScriptInstrumentation.Run(code, debug, out var refused);
        findings.AddRange(refused.Select(ToUnstoppable));
        if (refused.Count > 0)
            return new(null, Ordered(findings), FromCache: false);

        var entryPoint = compilation.GetEntryPoint(CancellationToken.None)!;
        var script = new CompiledScript
        {
            Path = source.Path,
            Image = code,
            Symbols = debug,
            TypeName = entryPoint.ContainingType.MetadataName,
            EntryPoint = entryPoint.MetadataName,
            Methods = [.. compilation.ScriptClass!.GetMembers().OfType<IMethodSymbol>().Where(IsHandlerCandidate).Select(ToHandler)],
            Warnings = Ordered(findings),
            LoadedTexts = resolver.Texts.ToImmutableDictionary(),
        };
        return new(script, script.Warnings, FromCache: false);

        SourceLocation Locate(Location location)
        {
            var span = location.GetLineSpan();
            if (!span.IsValid)
                return new(source.Path);

            var indent = span.Path == source.Path ? source.Indent : 0;
            return new(span.Path, span.StartLinePosition.Line + 1, span.StartLinePosition.Character + 1 + indent);
        }

        Finding ToFinding(Diagnostic diagnostic)
        {
            var severity = diagnostic.Severity == DiagnosticSeverity.Error ? FindingSeverity.Error : FindingSeverity.Warning;
            var message = ScriptHints.MessageOf(diagnostic);
            foreach (var (path, reason) in resolver.Refusals)
            {
                if (diagnostic.Id == "CS1504" && message.Contains($"'{path}'", StringComparison.Ordinal))
                    return new(Locate(diagnostic.Location), severity, CodeFindings.LoadDirective, $"#load \"{path}\" is refused: {reason}");
            }

            return new(Locate(diagnostic.Location), severity, diagnostic.Id, message, hints.For(diagnostic));
        }

        Finding ToRefusal(AllowListBreach breach) => new(
            Place(breach.File, breach.Line, breach.Column),
            FindingSeverity.Error,
            CodeFindings.NotAllowed,
            $"the script {breach.What}, which scripts may not",
            breach.Hint);

        Finding ToUnstoppable(RefusedLoop loop) => new(
            Place(loop.File, loop.Line, loop.Column),
            FindingSeverity.Error,
            CodeFindings.LoopInFinally,
            "a finally block cannot have loops: one that does not end could not be stopped",
            "move the loop into a method of its own, or behind the block");

        SourceLocation Place(string? file, int line, int column) =>
            file is null ? new(source.Path) : new(file, line, column + (file == source.Path ? source.Indent : 0));

        HandlerMethod ToHandler(IMethodSymbol method) => new(
            method.Name,
            method.ReturnType.ToDisplayString(FullNames),
            [.. method.Parameters.Select(parameter =>
                (parameter.RefKind == RefKind.None ? "" : "ref ") + parameter.Type.ToDisplayString(FullNames))],
            method.IsGenericMethod,
            Locate(method.Locations[0]));
    }

    private static HashSet<string> AllowedAssemblies(IReadOnlyList<ScriptPluginReference> plugins) =>
    [
        typeof(PolicyBase).Assembly.GetName().Name!,
        typeof(Kvmi.Protocol.CommandKind).Assembly.GetName().Name!,
        .. plugins.Select(plugin => plugin.AssemblyName),
    ];

    private static bool IsHandlerCandidate(IMethodSymbol method) =>
        method is { MethodKind: MethodKind.Ordinary, IsImplicitlyDeclared: false, CanBeReferencedByName: true };

    private static List<Finding> Ordered(List<Finding> findings) =>
        [.. findings.OrderByDescending(finding => finding.Severity).ThenBy(finding => finding.Location.File, StringComparer.Ordinal)
            .ThenBy(finding => finding.Location.Line).ThenBy(finding => finding.Location.Column)];
}
