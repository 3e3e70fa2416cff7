using Kvmi.Policy.Engine.Configuration.Reading;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Configuration.Rules;

/// <summary>One thing that must hold between the parts of a policy. Adding a rule is one class and one line in <see cref="PolicyRules"/>.</summary>
internal interface IPolicyRule
{
    /// <summary>Adds a finding for each violation.</summary>
    void Check(PolicyContext context, PolicyDefinition policy);
}
