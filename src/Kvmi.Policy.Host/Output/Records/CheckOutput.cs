using Kvmi.Policy.Engine.Output;
using Kvmi.Policy.Host.Doctor;

namespace Kvmi.Policy.Host.Output.Records;

/// <summary>One finding of doctor.</summary>
internal sealed record CheckOutput : OutputRecord
{
    public required DoctorFinding Finding { get; init; }
}
