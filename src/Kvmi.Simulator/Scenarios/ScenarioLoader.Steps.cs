using YamlDotNet.RepresentationModel;

namespace Kvmi.Simulator.Scenarios;

/// <summary>The steps of a scenario.</summary>
internal sealed partial class ScenarioLoader
{
    private const long MaxRepeat = 1_000_000_000;
    private static readonly string[] StepKeys = ["program", "vcpu", "repeat", "action"];

    private ScenarioStep Step(YamlNode node, int vcpus)
    {
        var step = Mapping(node, "a step", StepKeys);
        if (step.ContainsKey("action"))
        {
            return ActionStep(step);
        }

        if (!step.TryGetValue("program", out var programNode))
        {
            throw Error(node, "'program' is missing (or 'action')");
        }

        var program = Text(step, "program", string.Empty);
        if (!_programs.Contains(program))
        {
            throw Error(programNode, $"there is no program '{program}'{Suggest(program, _programs)}; programs: {string.Join(", ", _programs)}");
        }

        int? vcpu = null;
        if (step.TryGetValue("vcpu", out var vcpuNode) && !(vcpuNode is YamlScalarNode { Value: "all" }))
        {
            vcpu = (int)Number(step, "vcpu", 0, 0, vcpus - 1);
        }

        var endless = step.TryGetValue("repeat", out var repeatNode) && repeatNode is YamlScalarNode { Value: "endless" };
        return new ScenarioStep(program, vcpu, endless ? 0 : Number(step, "repeat", 1, 1, MaxRepeat));
    }
}
