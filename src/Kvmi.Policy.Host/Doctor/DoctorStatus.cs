namespace Kvmi.Policy.Host.Doctor;

/// <summary>How bad a finding is.</summary>
internal enum DoctorStatus
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>Normal on many machines; good to know.</summary>
    Note,

    /// <summary>Works, but something will be worse for it.</summary>
    Warning,

    /// <summary>What was asked for cannot work.</summary>
    Failure,
}
