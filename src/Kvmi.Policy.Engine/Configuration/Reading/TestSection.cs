using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>spec.tests.</summary>
internal static class TestSection
{
    public static IReadOnlyList<PolicyTest> Read(PolicyContext context)
    {
        var tests = new List<PolicyTest>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var node in context.Spec["tests"]?.Items ?? [])
        {
            var name = node["name"]!;
            if (!names.Add(name.Text))
            {
                context.Findings.Error(name, FindingCodes.DuplicateName, $"Another test has the name {Quoting.Quote(name.Text)}, too.");
            }

            tests.Add(ReadOne(context, node));
        }

        return tests;
    }

    private static PolicyTest ReadOne(PolicyContext context, YamlNode node)
    {
        var trace = node["trace"];
        if (node.HasKey("steps") == (trace is not null))
        {
            context.Findings.Error(node, FindingCodes.BadTest, "A test has either steps or a trace.");
        }

        if (node["expect"] is { } expect && trace is null)
        {
            context.Findings.Error(expect, FindingCodes.BadTest, "The expect of a test belongs to a trace; steps have their own.");
        }

        string? problem = null;
        var steps = new List<PolicyTestStep>();
        foreach (var step in node["steps"]?.Items ?? [])
        {
            steps.Add(TestStepReader.Read(context, step, ref problem));
        }

        return new PolicyTest
        {
            Name = node["name"]!.Text,
            Mode = node["mode"]?.Text switch { "audit" => PolicyMode.Audit, "enforce" => PolicyMode.Enforce, _ => null },
            Parameters = ReadParameters(context, node["parameters"]),
            Memory = TestMemoryReader.Read(context, node["memory"], ref problem),
            Trace = trace is null ? null : ReadTrace(context, trace, ref problem),
            TraceExpect = node["expect"] is { } whole ? TestStepReader.ReadTraceExpectation(context, whole) : null,
            Problem = problem,
            Steps = steps,
            Location = context.At(node),
        };
    }

    private static Dictionary<string, object> ReadParameters(PolicyContext context, YamlNode? node)
    {
        var parameters = new Dictionary<string, object>(StringComparer.Ordinal);
        foreach (var (name, value) in node?.Properties ?? [])
        {
            var raw = value.ToRaw();
            if (!context.Declarations.TryGetValue(name.Text, out var declaration))
            {
                context.Findings.Error(name, FindingCodes.ParameterUnknown, $"{context.Id} has no parameter {Quoting.Quote(name.Text)}.", Spelling.Hint(name.Text, context.Declarations.Keys));
            }
            else if (!declaration.TryConvert(raw, out _, out var code, out var problem))
            {
                context.Findings.Error(value, code, $"Parameter {name.Text} ({declaration.TypeName}): {problem}.");
            }

            parameters[name.Text] = raw;
        }

        return parameters;
    }

    private static string? ReadTrace(PolicyContext context, YamlNode node, ref string? problem)
    {
        if (context.Resolve(node) is not { } path)
        {
            return null;
        }

        if (!context.Options.Files.FileExists(path))
        {
            problem = $"the trace {Quoting.Quote(node.Text)} does not exist in the policy's folder";
            context.Findings.Warning(node, FindingCodes.TestFileMissing, $"This test cannot run: {problem}.", "add the file");
        }

        return path;
    }
}
