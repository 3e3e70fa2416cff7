using System.Globalization;

namespace Kvmi.Policy.Engine.Tests.Soak;

/// <summary>How long and from which seed.</summary>
/// <param name="Hours">Simulated hours.</param>
/// <param name="Seed">Seed of everything that is chosen.</param>
internal sealed record SoakPlan(double Hours, int Seed)
{
    private const double UsualHours = 0.1;
    private const int UsualSeed = 20261121;
    private const int RoundsPerHour = 2;

    /// <summary>Rounds: in each, one VM of every dialect comes, works, suffers and goes.</summary>
    public int Rounds => Math.Max(2, (int)Math.Ceiling(Hours * RoundsPerHour));

    /// <summary>Things that are done to the VMs in each round.</summary>
    public int Steps => Hours < 1 ? 4 : 6;

    /// <summary>Events that each VM has to have in each round.</summary>
    public long Events => Hours < 1 ? 120 : 400;

    /// <summary>The time that passes while nothing is connected, after each round.</summary>
    public TimeSpan Pause => TimeSpan.FromHours(Hours / Rounds);

    /// <summary>What the environment asks for: KVMI_SOAK_HOURS and KVMI_SOAK_SEED.</summary>
    public static SoakPlan FromEnvironment() => new(
        double.TryParse(Environment.GetEnvironmentVariable("KVMI_SOAK_HOURS"), NumberStyles.Float, CultureInfo.InvariantCulture, out var hours) && hours > 0
            ? hours
            : UsualHours,
        int.TryParse(Environment.GetEnvironmentVariable("KVMI_SOAK_SEED"), NumberStyles.None, CultureInfo.InvariantCulture, out var seed) ? seed : UsualSeed);

    /// <summary>How to have the same plan again. The threads' order is the machine's and not the seed's.</summary>
    public string Replay => string.Create(
        CultureInfo.InvariantCulture, $"Seed {Seed}; again with KVMI_SOAK_SEED={Seed} KVMI_SOAK_HOURS={Hours} and -class \"*HoursOfLoadTests\"");
}
