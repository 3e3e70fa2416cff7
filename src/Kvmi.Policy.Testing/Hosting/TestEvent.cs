using System.Collections.Immutable;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Testing.Guests;
using Kvmi.Protocol;

namespace Kvmi.Policy.Testing.Hosting;

/// <summary>
/// An event to send to policies. What is not said comes from <see cref="TestMachine"/>: vCPU 0 in ring 0 of a 64-bit kernel. Immutable: each method
/// gives a new one.
/// </summary>
public sealed record TestEvent
{
    private TestEvent(EventKind kind, params ReadOnlySpan<(string Name, ulong Value)> fields)
    {
        Kind = kind;
        Fields = ImmutableDictionary.CreateRange(StringComparer.Ordinal, fields.ToArray().Select(field => KeyValuePair.Create(field.Name, field.Value)));
    }

    /// <summary>The event.</summary>
    public EventKind Kind { get; }

    /// <summary>Its fields and registers by the names that a step in a policy file has.</summary>
    public ImmutableDictionary<string, ulong> Fields { get; private init; }

    /// <summary>A write of a control register.</summary>
    /// <param name="cr">0, 3 or 4.</param>
    /// <param name="old">Its value before.</param>
    /// <param name="wanted">What the guest writes.</param>
    public static TestEvent Cr(int cr, ulong old, ulong wanted) => new(EventKind.Cr, ("cr", checked((ulong)cr)), ("old", old), ("new", wanted));

    /// <summary>A write of a model-specific register.</summary>
    /// <param name="msr">Its number; <c>Msrs</c> has names for them in scripts and plugins.</param>
    /// <param name="old">Its value before.</param>
    /// <param name="wanted">What the guest writes.</param>
    public static TestEvent Msr(uint msr, ulong old, ulong wanted) => new(EventKind.Msr, ("msr", msr), ("old", old), ("new", wanted));

    /// <summary>An access to a page whose rights forbid it.</summary>
    /// <param name="gpa">Guest-physical address.</param>
    /// <param name="access">What was tried.</param>
    /// <param name="gva">Guest-virtual address; the default is what the kernel sends where it knows none.</param>
    public static TestEvent PageFault(ulong gpa, PageAccess access, ulong gva = ulong.MaxValue) =>
        new(EventKind.PageFault, ("gpa", gpa), ("access", (ulong)access), ("gva", gva));

    /// <summary>An INT3.</summary>
    /// <param name="gpa">Guest-physical address of the instruction.</param>
    public static TestEvent Breakpoint(ulong gpa) => new(EventKind.Breakpoint, ("gpa", gpa));

    /// <summary>An access to a descriptor table register.</summary>
    /// <param name="table">Which one.</param>
    /// <param name="isWrite">True for a load (LGDT, LIDT, LLDT, LTR), false for a store.</param>
    public static TestEvent Descriptor(DescriptorTable table, bool isWrite) =>
        new(EventKind.Descriptor, ("descriptor", (ulong)table), ("write", isWrite ? 1UL : 0));

    /// <summary>The hypercall of introspection; its arguments are registers.</summary>
    public static TestEvent Hypercall() => new(EventKind.Hypercall);

    /// <summary>A write of an extended control register.</summary>
    /// <param name="xcr">Its number; 0 is the only one so far.</param>
    /// <param name="old">Its value before.</param>
    /// <param name="wanted">What the guest writes.</param>
    public static TestEvent Xsetbv(byte xcr, ulong old, ulong wanted) => new(EventKind.Xsetbv, ("xcr", xcr), ("old", old), ("new", wanted));

    /// <summary>An exception that is about to reach the guest.</summary>
    /// <param name="vector">0 to 31.</param>
    /// <param name="errorCode">Its error code.</param>
    /// <param name="address">CR2, for a page fault.</param>
    public static TestEvent Trap(byte vector, uint errorCode = 0, ulong address = 0) =>
        new(EventKind.Trap, ("vector", vector), ("errorCode", errorCode), ("address", address));

    /// <summary>The end of a single step.</summary>
    /// <param name="hasFailed">True when the hypervisor could not make it.</param>
    public static TestEvent Singlestep(bool hasFailed = false) => new(EventKind.Singlestep, ("failed", hasFailed ? 1UL : 0));

    /// <summary>A vCPU that was plugged in.</summary>
    public static TestEvent CreateVcpu() => new(EventKind.CreateVcpu);

    /// <summary>A CPUID instruction (v7).</summary>
    /// <param name="function">EAX.</param>
    /// <param name="index">ECX.</param>
    public static TestEvent Cpuid(uint function, uint index = 0) => new(EventKind.Cpuid, ("function", function), ("index", index));

    /// <summary>On another vCPU.</summary>
    public TestEvent OnVcpu(int vcpu) => With("vcpu", checked((ulong)vcpu));

    /// <summary>By the instruction at an address.</summary>
    public TestEvent At(ulong rip) => With("rip", rip);

    /// <summary>By a user program: CPL 3.</summary>
    public TestEvent InUserMode() => With("cs", TestMachine.UserCode);

    /// <summary>In another address space; page tables for it are made as <see cref="TestMachine"/> says.</summary>
    public TestEvent InAddressSpace(ulong cr3) => With("cr3", cr3);

    /// <summary>With another value of a register or field.</summary>
    /// <param name="name">
    /// A general register (<c>rax</c> to <c>r15</c>, <c>rip</c>, <c>rflags</c>), <c>cs</c>, <c>cr3</c>, <c>lstar</c>, <c>idtr</c>, <c>vcpu</c>, or a
    /// field of the event as a step in a policy file names it.
    /// </param>
    /// <param name="value">The value.</param>
    /// <exception cref="ArgumentException">There is no such register or field.</exception>
    public TestEvent With(string name, ulong value)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        if (!Fields.ContainsKey(name) && name is not ("vcpu" or "cs" or "cr3" or "lstar" or "idtr" or "gva")
            && !Policies.TestEvents.TryGetRegister(default, name, out _))
        {
            throw new ArgumentException($"An event of kind {Kind} has no '{name}': name a general register in lower case (rax), cs, cr3, lstar, idtr, "
                + $"vcpu, or one of {string.Join(", ", Fields.Keys.Order(StringComparer.Ordinal))}.", nameof(name));
        }

        return this with { Fields = Fields.SetItem(name, value) };
    }

    internal PolicyTestStep ToStep() => new() { Event = Kind, With = Fields, Location = new SourceLocation("test") };
}
