using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Rules;

/// <summary>An experimental policy does not enforce by accident.</summary>
internal sealed class ExperimentalRule : IPolicyRule
{
    public void Check(PolicyContext context, PolicyDefinition policy)
    {
        if (policy is { Status: "experimental", Mode: PolicyMode.Enforce } && !context.Options.AllowExperimentalEnforce)
        {
            context.Findings.Error(
                context.Metadata["status"]!, FindingCodes.ExperimentalEnforce, "An experimental policy does not load in enforce mode.", "load it in audit mode, or raise its status when it has proved itself");
        }
    }
}
