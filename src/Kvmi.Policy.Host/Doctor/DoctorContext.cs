namespace Kvmi.Policy.Host.Doctor;

/// <summary>What a check works with.</summary>
/// <param name="System">The machine.</param>
/// <param name="Options">What was asked for.</param>
/// <param name="Time">The clock.</param>
internal sealed record DoctorContext(IHostSystem System, DoctorOptions Options, TimeProvider Time);
