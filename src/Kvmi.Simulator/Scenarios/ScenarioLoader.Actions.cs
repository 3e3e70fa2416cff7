using Kvmi.Simulator.DeviceManager;
using YamlDotNet.RepresentationModel;

namespace Kvmi.Simulator.Scenarios;

/// <content>Steps that do something to the VM (kvmi-later-dialects.md 2.4).</content>
internal sealed partial class ScenarioLoader
{
    private static readonly Dictionary<string, VmAction> Actions = new()
    {
        ["stop"] = VmAction.Stop,
        ["cont"] = VmAction.Continue,
        ["migrate"] = VmAction.Migrate,
        ["snapshot"] = VmAction.Snapshot,
        ["reset"] = VmAction.Reset,
        ["shutdown"] = VmAction.Shutdown,
    };

    private ScenarioStep ActionStep(Dictionary<string, YamlNode> step)
    {
        var node = step["action"];
        foreach (var (key, value) in step)
        {
            if (key != "action")
            {
                throw Error(value, $"'{key}' does not go with 'action': an action is done once, to the whole VM");
            }
        }

        var name = (node as YamlScalarNode)?.Value ?? string.Empty;
        return Actions.TryGetValue(name, out var action)
            ? new ScenarioStep(action)
            : throw Error(node, $"there is no action '{name}'{Suggest(name, Actions.Keys)}; actions: {string.Join(", ", Actions.Keys)}");
    }

    /// <summary>Refuses steps that can never be reached.</summary>
    private ScenarioStep[] InOrder(YamlSequenceNode nodes, ScenarioStep[] steps)
    {
        var isStopped = false;
        for (var index = 0; index < steps.Length; index++)
        {
            var step = steps[index];
            var before = index == 0 ? null : steps[index - 1];
            if (before?.Action == VmAction.Shutdown)
            {
                throw Error(nodes.Children[index], "nothing can follow 'action: shutdown'");
            }

            if (step.Action is not null && steps.Take(index).Any(earlier => earlier.Repeat == 0))
            {
                throw Error(nodes.Children[index], "an endless step comes before this action, so that it is never reached; give that step a number");
            }

            if (step.Action is null && isStopped)
            {
                throw Error(nodes.Children[index], "the guest is stopped here and executes nothing; put 'action: cont' in front of this step");
            }

            isStopped = step.Action switch
            {
                VmAction.Stop => true,
                VmAction.Continue or VmAction.Shutdown => false,
                _ => isStopped,
            };
        }

        return isStopped
            ? throw Error(nodes.Children[^1], "the scenario would end with a guest that is stopped; add 'action: cont' or 'action: shutdown'")
            : steps;
    }
}
