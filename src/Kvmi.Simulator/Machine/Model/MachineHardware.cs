namespace Kvmi.Simulator.Machine.Model;

/// <summary>Whose virtualization hardware a model machine imitates. The guest's CPU is the same on both.</summary>
public enum MachineHardware
{
    /// <summary>Intel VMX with everything that introspection can use of it: all of <see cref="MachineFeatures"/>.</summary>
    Vmx = 0,

    /// <summary>AMD SVM as the captured kernels ran on: none of <see cref="MachineFeatures"/>.</summary>
    Svm = 1,
}
