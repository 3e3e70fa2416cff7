namespace Kvmi.Simulator;

/// <summary>Which of its two sources the simulated rfc-v5 kernel follows where they disagree (rfc-v5 0.2 and 9).</summary>
public enum RfcV5Profile
{
    /// <summary>The code of the series: profile K. What a real kernel does.</summary>
    Code = 0,

    /// <summary>The document of the series: profile D. Stricter in padding, ranges, access rights and event replies.</summary>
    Document = 1,
}
