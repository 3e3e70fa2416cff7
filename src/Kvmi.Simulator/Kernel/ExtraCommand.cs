using Kvmi.Protocol;
using Kvmi.Protocol.Commands;

namespace Kvmi.Simulator.Kernel;

/// <summary>A command with at most one argument, as <see cref="KernelRules.ReadExtra"/> gives it.</summary>
/// <param name="Status">What the kernel does with the body; anything but Ok ends the command.</param>
/// <param name="Number">Guest-physical address, register number or view.</param>
/// <param name="Answer">Error to answer at once; None when the machine has to be asked.</param>
/// <param name="DataOffset">Where data begin in the payload (SET_XSAVE).</param>
/// <param name="DataLength">How many bytes of data there are; what follows is ignored.</param>
internal readonly record struct ExtraCommand(CommandStatus Status, ulong Number, KvmiError Answer, int DataOffset = 0, int DataLength = 0);
