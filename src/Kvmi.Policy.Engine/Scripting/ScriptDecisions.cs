using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Configuration;
using Kvmi.Policy.Engine.Findings;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Kvmi.Policy.Engine.Scripting;

/// <summary>
/// Finds the decisions that a handler returns although its event cannot be answered so: <c>return Skip();</c> for an MSR write. What comes back
/// through a variable or another method is only seen when it happens, as an error of the policy.
/// </summary>
internal static class ScriptDecisions
{
    private static readonly string[] Owners = [typeof(PolicyBase).FullName!, typeof(Decision).FullName!];

    /// <summary>Adds a finding for each of them.</summary>
    public static void Check(CSharpCompilation compilation, Func<Location, SourceLocation> locate, ICollection<Finding> findings)
    {
        foreach (var tree in compilation.SyntaxTrees)
        {
            // Bound names are asked for only where the text alone is suspicious: binding costs more than all the rest.
            SemanticModel? model = null;
            foreach (var method in tree.GetRoot().DescendantNodes(node => node is CompilationUnitSyntax).OfType<MethodDeclarationSyntax>())
            {
                if (EventOf(method) is not { } info)
                    continue;

                foreach (var name in Answers(method))
                {
                    if (!Enum.TryParse<DecisionKind>(name.Identifier.ValueText, out var kind) || info.IsLegal(kind))
                        continue;

                    model ??= compilation.GetSemanticModel(tree);
                    if (IsDecision(model.GetSymbolInfo(name).Symbol))
                    {
                        findings.Add(new(locate(name.GetLocation()), FindingSeverity.Error, FindingCodes.IllegalDecision,
                            $"{method.Identifier.ValueText} answers {name.Identifier.ValueText}, which is not legal for {info.Name} events",
                            $"possible: {string.Join(", ", info.Legal)}"));
                    }
                }
            }
        }
    }

    private static PolicyEventInfo? EventOf(MethodDeclarationSyntax method) => method.ParameterList.Parameters is [{ Type: { } type }]
        ? PolicyEvents.All.FirstOrDefault(info => info.HandlerType.Name == NameOf(type)?.Identifier.ValueText)
        : null;

    /// <summary>The names at the places whose value the method returns.</summary>
    private static IEnumerable<SimpleNameSyntax> Answers(MethodDeclarationSyntax method)
    {
        var open = new Stack<ExpressionSyntax>();
        Push(method.ExpressionBody?.Expression);
        foreach (var node in method.Body?.DescendantNodes(node => node is not (AnonymousFunctionExpressionSyntax or LocalFunctionStatementSyntax)) ?? [])
            Push((node as ReturnStatementSyntax)?.Expression);

        while (open.TryPop(out var expression))
        {
            switch (expression)
            {
                case ParenthesizedExpressionSyntax inner:
                    Push(inner.Expression);
                    break;
                case ConditionalExpressionSyntax choice:
                    Push(choice.WhenTrue);
                    Push(choice.WhenFalse);
                    break;
                case SwitchExpressionSyntax choice:
                    foreach (var arm in choice.Arms)
                        Push(arm.Expression);

                    break;
                case InvocationExpressionSyntax call when NameOf(call.Expression) is { } name:
                    yield return name;
                    break;
                default:
                    if (NameOf(expression) is { } plain)
                        yield return plain;

                    break;
            }
        }

        void Push(ExpressionSyntax? expression)
        {
            if (expression is not null)
                open.Push(expression);
        }
    }

    private static SimpleNameSyntax? NameOf(ExpressionSyntax expression) => expression switch
    {
        SimpleNameSyntax name => name,
        QualifiedNameSyntax qualified => qualified.Right,
        MemberAccessExpressionSyntax member => member.Name,
        _ => null,
    };

    private static bool IsDecision(ISymbol? symbol) => symbol?.ContainingType is { } owner && Owners.Contains(owner.ToDisplayString());
}
