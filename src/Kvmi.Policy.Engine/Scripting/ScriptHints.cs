using System.Globalization;
using Kvmi.Policy.Engine.Code;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Kvmi.Policy.Engine.Scripting;

/// <summary>What to do about the compiler's commonest errors, in the words of policies: the name that was meant, how a decision is written.</summary>
internal sealed class ScriptHints(CSharpCompilation compilation)
{
    private const int MostHints = 20;
    private const int MostNames = 30;
    private const string ContractNamespace = "Kvmi";

    // Each hint binds names; a file of nothing but errors must not cost one for each.
    private int _left = MostHints;

    /// <summary>The compiler's message, without advice that does not hold in a script.</summary>
    public static string MessageOf(Diagnostic diagnostic)
    {
        var message = diagnostic.GetMessage(CultureInfo.InvariantCulture);
        var end = diagnostic.Id switch
        {
            "CS1061" => message.IndexOf(" and no accessible extension method", StringComparison.Ordinal),
            "CS0246" => message.IndexOf(" (are you missing", StringComparison.Ordinal),
            _ => -1,
        };
        return end < 0 ? message : message[..end];
    }

    /// <summary>The hint; null when there is none.</summary>
    public string? For(Diagnostic diagnostic)
    {
        if (diagnostic.Severity != DiagnosticSeverity.Error || _left == 0)
            return null;

        var hint = diagnostic.Id switch
        {
            "CS0161" or "CS0126" => "a handler ends with a decision on every path, such as return Allow;",
            "CS0103" => NameAt(diagnostic) is { } name ? SimilarName(name) : null,
            "CS0246" => NameAt(diagnostic) is { } name ? SimilarType(name) : null,
            "CS1061" or "CS0117" => NameAt(diagnostic) is { Parent: MemberAccessExpressionSyntax access } name ? SimilarMember(access.Expression, name) : null,
            "CS0428" => NameAt(diagnostic) is { } name ? Call(name) : null,
            "CS1955" => NameAt(diagnostic) is { } name ? $"write {name.Identifier.ValueText} without ()" : null,
            _ => null,
        };
        _left -= hint is null ? 0 : 1;
        return hint;
    }

    private static SimpleNameSyntax? NameAt(Diagnostic diagnostic)
    {
        if (diagnostic.Location.SourceTree?.GetRoot() is not { } root || !root.FullSpan.Contains(diagnostic.Location.SourceSpan))
            return null;

        var node = root.FindNode(diagnostic.Location.SourceSpan, getInnermostNodeForTie: true);
        return node as SimpleNameSyntax ?? (node as MemberAccessExpressionSyntax)?.Name;
    }

    private string? SimilarName(SimpleNameSyntax name) => NameSuggestion.Hint(
        name.Identifier.ValueText,
        Model(name).LookupSymbols(name.SpanStart).Where(symbol => symbol is not (INamespaceOrTypeSymbol or IMethodSymbol { MethodKind: not MethodKind.Ordinary }))
            .Select(symbol => symbol.Name).Concat(Ambient));

    private string? SimilarType(SimpleNameSyntax name) => NameSuggestion.Hint(
        name.Identifier.ValueText,
        Model(name).LookupNamespacesAndTypes(name.SpanStart).OfType<INamedTypeSymbol>().Where(IsContract).Select(type => type.Name));

    private string? SimilarMember(ExpressionSyntax owner, SimpleNameSyntax name)
    {
        var model = Model(name);
        if ((model.GetTypeInfo(owner).Type ?? model.GetSymbolInfo(owner).Symbol as ITypeSymbol) is not { TypeKind: not TypeKind.Error } type)
            return null;

        var names = type.GetMembers().Concat(type.AllInterfaces.SelectMany(part => part.GetMembers()))
            .Where(member => member is { DeclaredAccessibility: Accessibility.Public, CanBeReferencedByName: true, IsOverride: false })
            .Select(member => member.Name).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToList();
        return NameSuggestion.Hint(name.Identifier.ValueText, names)
            ?? (IsContract(type) && names.Count is > 0 and <= MostNames ? $"it has {string.Join(", ", names)}" : null);
    }

    private string? Call(SimpleNameSyntax name)
    {
        var info = Model(name).GetSymbolInfo(name);
        var method = (info.Symbol ?? info.CandidateSymbols.FirstOrDefault()) as IMethodSymbol
            ?? Model(name).GetMemberGroup(name).OfType<IMethodSymbol>().FirstOrDefault();
        return method is null ? null : $"write {method.Name}({string.Join(", ", method.Parameters.Select(parameter => parameter.Name))})";
    }

    private SemanticModel Model(SyntaxNode node) => compilation.GetSemanticModel(node.SyntaxTree);

    private static bool IsContract(ITypeSymbol type)
    {
        var space = type.ContainingNamespace;
        while (space is { IsGlobalNamespace: false, ContainingNamespace.IsGlobalNamespace: false })
            space = space.ContainingNamespace;

        return space?.Name == ContractNamespace;
    }

    /// <summary>The names that every script has.</summary>
    private static IEnumerable<string> Ambient => typeof(PolicyBase).GetMembers().Where(member => member.DeclaringType != typeof(object))
        .Select(member => member.Name).Where(name => !name.Contains('_', StringComparison.Ordinal));
}
