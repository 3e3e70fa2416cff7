namespace Kvmi.Policy.Engine.Model;

/// <summary>Who gave a parameter its value.</summary>
public enum ParameterSource
{
    /// <summary>The policy file's default.</summary>
    Default,

    /// <summary>A site file.</summary>
    Site,

    /// <summary>The test that runs.</summary>
    Test,
}
