using Kvmi.Kvm.Cpuid;
using Kvmi.Kvm.Introspection;
using Kvmi.Policy.Host.Doctor;
using Kvmi.Policy.Host.Doctor.Checks;
using Kvmi.Policy.Host.Doctor.Facts;
using Kvmi.Protocol.Ioctls;

namespace Kvmi.Policy.Host.Tests.Doctor;

public sealed class KvmCheckTests
{
    private readonly FakeHost _host = new();

    [Fact]
    public void A_device_that_cannot_be_opened_is_a_warning_with_the_reason_and_what_to_do()
    {
        _host.Kvm = new KvmFacts { OpenProblem = "open /dev/kvm: EACCES", OpenAdvice = "add the user to the group that owns it" };
        var finding = _host.FindOne<KvmCheck>();
        Assert.Equal(DoctorStatus.Warning, finding.Status);
        Assert.Contains("EACCES", finding.Found, StringComparison.Ordinal);
        Assert.Contains("add the user to the group", finding.Advice, StringComparison.Ordinal);
        Assert.Empty(_host.Find<IntrospectionCheck>());
        Assert.Empty(_host.Find<EmulatedCpuidCheck>());
    }

    [Fact]
    public void Another_version_of_the_interface_is_a_failure()
    {
        _host.Kvm = _host.Kvm with { ApiVersion = 11 };
        Assert.Equal(DoctorStatus.Failure, _host.FindOne<KvmCheck>().Status);
    }

    [Fact]
    public void A_kvm_that_makes_no_vm_is_a_warning_and_says_nothing_of_introspection()
    {
        _host.Kvm = _host.Kvm with { VmProblem = "KVM_CREATE_VM failed with ENOMEM (12): no memory.", Introspection = null };
        Assert.Contains("ENOMEM", _host.FindOne<KvmCheck>().Found, StringComparison.Ordinal);
        Assert.Empty(_host.Find<IntrospectionCheck>());
    }

    [Fact]
    public void A_stock_kernel_gets_one_sentence_that_explains_its_misleading_capabilities()
    {
        _host.Kvm = _host.Kvm with
        {
            Introspection = new IntrospectionSupport([], false, [new(184, 1, "KVM_CAP_LAST_CPU"), new(206, 1, "KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM"), new(999, 0, null)]),
        };
        var finding = _host.FindOne<IntrospectionCheck>();
        Assert.Equal(DoctorStatus.Note, finding.Status);
        Assert.Equal(
            "This kernel (6.18.0) has no KVM introspection, which is the normal case; that it answers to capability 184 and 206 means "
            + "KVM_CAP_LAST_CPU and KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM.",
            finding.Found);
        Assert.Contains("run --simulate", finding.Advice, StringComparison.Ordinal);
        Assert.Contains(finding.Fields, field => field is { Name: "present", Value: false });
        Assert.Contains(finding.Fields, field => field is { Name: "capability206", Value: 1L });
    }

    [Fact]
    public void A_patched_kernel_is_named_with_its_dialect()
    {
        _host.Kvm = _host.Kvm with { Introspection = new IntrospectionSupport([IntrospectionSeries.BranchV7], false, []) };
        var finding = _host.FindOne<IntrospectionCheck>();
        Assert.Equal((DoctorStatus.Ok, "This kernel has KVM introspection: BranchV7, dialect v7."), (finding.Status, finding.Found));
    }

    [Fact]
    public void A_patched_kernel_of_a_dialect_that_is_not_spoken_says_so()
    {
        _host.Kvm = _host.Kvm with { Introspection = new IntrospectionSupport([IntrospectionSeries.ListV8], false, []) };
        Assert.Contains("not spoken here", _host.FindOne<IntrospectionCheck>().Found, StringComparison.Ordinal);
    }

    [Fact]
    public void A_patched_kernel_that_is_switched_off_is_a_warning_with_the_parameter()
    {
        _host.Kvm = _host.Kvm with { Introspection = new IntrospectionSupport([IntrospectionSeries.ListV12], true, []) };
        var finding = _host.FindOne<IntrospectionCheck>();
        Assert.Equal(DoctorStatus.Warning, finding.Status);
        Assert.Contains("kvm.introspection=1", finding.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public void Emulated_leaves_are_listed()
    {
        _host.Kvm = _host.Kvm with { EmulatedCpuid = [new CpuidEntry(1, 0, 0, 0, 0, 0x400000, 0), new CpuidEntry(7, 0, 1, 0, 0, 0x400000, 0)] };
        Assert.Equal("KVM emulates features of 2 CPUID leaves in software: 0x1, 0x7.0.", _host.FindOne<EmulatedCpuidCheck>().Found);
    }

    [Fact]
    public void A_kernel_that_cannot_tell_its_emulated_leaves_is_noted()
    {
        _host.Kvm = _host.Kvm with { EmulatedCpuid = null, EmulatedCpuidProblem = "KVM_GET_EMULATED_CPUID failed with ENOTTY (25)." };
        Assert.Equal(DoctorStatus.Note, _host.FindOne<EmulatedCpuidCheck>().Status);
    }
}
