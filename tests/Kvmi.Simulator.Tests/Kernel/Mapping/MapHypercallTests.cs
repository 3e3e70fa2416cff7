using Iced.Intel;
using Kvmi.Protocol;
using Kvmi.Protocol.Commands;
using Kvmi.Protocol.Ioctls;
using Kvmi.Simulator.Kernel.Hooking;
using Kvmi.Simulator.Kernel.Mapping;
using Kvmi.Simulator.Machine;
using Kvmi.Simulator.Tests.Kernel.Hooking;
using Kvmi.Simulator.Tests.Machine;
using static Iced.Intel.AssemblerRegisters;

namespace Kvmi.Simulator.Tests.Kernel.Mapping;

/// <summary>
/// Two virtual machines on one host: the introspected one, whose tool gets tokens over a real socket, and the one in which that tool lives
/// (rfc-v5 6.2 and 6.3).
/// </summary>
public sealed class MapHypercallTests : IAsyncLifetime
{
    private const ulong SourcePage = 0x60_0000;
    private const ulong OwnPage = 0x50_0000;
    private const ulong Token = BareMachine.Data + 0xFF0;
    private const ulong Results = BareMachine.Data + 0x2000;
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(RawTool.GiveUpMilliseconds);

    private readonly ManualTime _time = new();
    private readonly BareMachine _source = new();
    private readonly BareMachine _own = new();
    private readonly HookFixture _sourceVm;
    private readonly HookFixture _ownVm;
    private RawTool _tool = null!;

    public MapHypercallTests()
    {
        var host = new SimulatedHost(_time);
        _sourceVm = new HookFixture(machine: _source.Machine, host: host);
        _ownVm = new HookFixture(machine: _own.Machine, host: host);
    }

    public async ValueTask InitializeAsync() => _tool = await _sourceVm.HookedAsync();

    public async ValueTask DisposeAsync()
    {
        await _sourceVm.DisposeAsync();
        await _ownVm.DisposeAsync();
    }

    [Fact]
    public async Task A_guest_maps_a_page_of_the_other_vm_over_its_own_and_gives_it_back()
    {
        _source.Put(SourcePage, 0x1111);
        _own.Put(OwnPage, 0x2222);
        PutToken();
        _own.Assemble(code =>
        {
            code.mov(eax, 32);
            code.mov(rbx, Token);
            code.mov(rcx, SourcePage);
            code.mov(rdx, OwnPage);
            code.vmcall();
            code.mov(rdi, Results);
            code.mov(__qword_ptr[rdi], rax);
            code.mov(rsi, OwnPage);
            code.mov(rax, __qword_ptr[rsi]);
            code.mov(__qword_ptr[rdi + 8], rax);
            code.mov(eax, 0x3333);
            code.mov(__qword_ptr[rsi + 8], rax);
            code.mov(eax, 33);
            code.mov(rbx, OwnPage);
            code.vmcall();
            code.mov(__qword_ptr[rdi + 16], rax);
            code.mov(rax, __qword_ptr[rsi]);
            code.mov(__qword_ptr[rdi + 24], rax);
        });
        _ownVm.Start();
        await _ownVm.Halted.Task.WaitAsync(Patience);
        Assert.Equal(0UL, _own.Get(Results));
        Assert.Equal(0x1111UL, _own.Get(Results + 8));
        Assert.Equal(0UL, _own.Get(Results + 16));
        Assert.Equal(0UL, _own.Get(Results + 24));
        Assert.Equal(0x3333UL, _source.Get(SourcePage + 8));
        Assert.Equal(0x1111UL, _source.Get(SourcePage));
    }

    [Fact]
    public void A_mapped_page_is_one_page_with_two_sets_of_rights()
    {
        PutToken();
        Assert.Equal(0, Call(32, Token, SourcePage, OwnPage));
        _own.Put(OwnPage, 7);
        Assert.Equal(7UL, _source.Get(SourcePage));
        _source.Put(SourcePage + 8, 8);
        Assert.Equal(8UL, _own.Get(OwnPage + 8));
        Assert.True(_source.Machine.TrySetPageAccess(SourcePage, PageAccess.Read));
        Assert.True(_own.Machine.TryGetPageAccess(OwnPage, out var access));
        Assert.Equal(PageAccess.All, access);
        Assert.Equal(0, Call(33, OwnPage));
        _own.Put(OwnPage, 9);
        Assert.Equal(7UL, _source.Get(SourcePage));
    }

    [Fact]
    public void A_token_is_good_for_one_call_even_if_that_fails()
    {
        PutToken();
        Assert.Equal(-14, Call(32, Token, BareMachine.MemorySize, OwnPage));
        Assert.Equal(-2, Call(32, Token, SourcePage, OwnPage));
        PutToken();
        Assert.Equal(-14, Call(32, Token, SourcePage, 1UL << 50));
        PutToken();
        Assert.Equal(0, Call(32, Token, SourcePage, OwnPage));
        Assert.Equal(-2, Call(32, Token, SourcePage, OwnPage));
    }

    [Fact]
    public void Tokens_that_nobody_knows_and_addresses_that_hold_none_are_refused()
    {
        Assert.Equal(-2, Call(32, Token, SourcePage, OwnPage));
        Assert.Equal(-2, Call(32, 0xFFFF_8000_0000_0000, SourcePage, OwnPage));
        Assert.Equal(-2, Call(32, BareMachine.MemorySize - 16, SourcePage, OwnPage));
        Assert.Equal(-14, Call(33, BareMachine.MemorySize));
    }

    [Fact]
    public void A_token_that_is_too_old_is_refused()
    {
        PutToken();
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal(0, Call(32, Token, SourcePage, OwnPage));
        PutToken();
        _time.Advance(TimeSpan.FromSeconds(3.001));
        Assert.Equal(-2, Call(32, Token, SourcePage, OwnPage));
    }

    [Fact]
    public async Task The_end_of_the_session_of_the_other_vm_makes_its_tokens_void()
    {
        PutToken();
        var hook = _sourceVm.Vm.Current!;
        _tool.Dispose();
        await hook.Closed.WaitAsync(Patience);
        Assert.Equal(-2, Call(32, Token, SourcePage, OwnPage));
    }

    [Fact]
    public void User_mode_and_a_host_without_mapping_are_refused()
    {
        PutToken();
        var state = _own.State;
        (state.Regs.Rax, state.Sregs.Ss.Dpl) = (32, 3);
        Assert.Equal(-1, MapHypercalls.Execute(_ownVm.Context, _own.Vcpu, in state));
        state.Sregs.Ss.Dpl = 0;
        var alone = new HookFixture(machine: _own.Machine);
        Assert.Equal(-1000, MapHypercalls.Execute(alone.Context, _own.Vcpu, in state));
    }

    [Fact]
    public void Outside_64_bit_mode_the_upper_halves_do_not_count()
    {
        PutToken();
        var state = _own.State;
        state.Mode = 4;
        state.Regs.Rax = 0xDEAD_0000_0000_0000 | 32;
        state.Regs.Rbx = 0xDEAD_0000_0000_0000 | Token;
        state.Regs.Rcx = 0xDEAD_0000_0000_0000 | SourcePage;
        state.Regs.Rdx = 0xDEAD_0000_0000_0000 | OwnPage;
        Assert.True(MapHypercalls.IsOne(in state));
        Assert.Equal(0, MapHypercalls.Execute(_ownVm.Context, _own.Vcpu, in state));
        state.Mode = 8;
        Assert.False(MapHypercalls.IsOne(in state));
    }

    [Fact]
    public void The_guest_device_maps_unmaps_and_checks_what_it_is_given()
    {
        using var device = new KvmMemDevice(new Guest(this), process: 10);
        const ulong pointer = BareMachine.Data;
        PutArgument(pointer, SourcePage, OwnPage);
        Assert.Equal(IoctlError.InvalidArgument, device.Ioctl(11, GuestMapArgument.Map, pointer));
        Assert.Equal(IoctlError.NotThisDevice, device.Ioctl(10, 0x40306903, pointer));
        Assert.Equal(IoctlError.Fault, device.Ioctl(10, GuestMapArgument.Map, 0xFFFF_8000_0000_0000));
        Assert.Equal(IoctlError.NoEntry, device.Ioctl(10, GuestMapArgument.Unmap, OwnPage));
        Assert.Equal(IoctlError.InvalidArgument, device.Ioctl(10, GuestMapArgument.Unmap, OwnPage + 1));
        Assert.Equal(IoctlError.None, device.Ioctl(10, GuestMapArgument.Map, pointer));
        Assert.Equal([OwnPage], device.Mapped);

        PutArgument(pointer, SourcePage, OwnPage);
        Assert.Equal(IoctlError.Already, device.Ioctl(10, GuestMapArgument.Map, pointer));
        PutArgument(pointer, SourcePage, OwnPage + 8);
        Assert.Equal(IoctlError.InvalidArgument, device.Ioctl(10, GuestMapArgument.Map, pointer));
        PutArgument(pointer, SourcePage, 0xFFFF_8000_0000_0000);
        Assert.Equal(IoctlError.InvalidArgument, device.Ioctl(10, GuestMapArgument.Map, pointer));
        PutArgument(pointer, BareMachine.MemorySize, OwnPage + 0x1000);
        Assert.Equal(IoctlError.Fault, device.Ioctl(10, GuestMapArgument.Map, pointer));
        Assert.Equal(IoctlError.NoEntry, device.Ioctl(10, GuestMapArgument.Map, pointer));

        _own.Put(OwnPage, 5);
        Assert.Equal(5UL, _source.Get(SourcePage));
        Assert.Equal(IoctlError.None, device.Ioctl(10, GuestMapArgument.Unmap, OwnPage));
        Assert.Equal(0UL, _own.Get(OwnPage));
        Assert.Empty(device.Mapped);
    }

    [Fact]
    public void Closing_the_guest_device_unmaps_everything()
    {
        _source.Put(SourcePage, 1);
        using (var device = new KvmMemDevice(new Guest(this), process: 10))
        {
            for (var page = 0UL; page < 3; page++)
            {
                PutArgument(BareMachine.Data, SourcePage + (page * 0x1000), OwnPage + (page * 0x1000));
                Assert.Equal(IoctlError.None, device.Ioctl(10, GuestMapArgument.Map, BareMachine.Data));
            }

            Assert.Equal(1UL, _own.Get(OwnPage));
        }

        Assert.Equal(0UL, _own.Get(OwnPage));
        _own.Put(OwnPage + 0x2000, 9);
        Assert.Equal(0UL, _source.Get(SourcePage + 0x2000));
    }

    [Theory]
    [InlineData(-11)]
    [InlineData(-16)]
    public void A_host_that_could_not_do_it_just_now_is_tried_again_by_the_caller(int busy)
    {
        var guest = new Guest(this) { Refusals = 2, Refusal = busy };
        using var device = new KvmMemDevice(guest, process: 10);
        var tries = 0;
        IoctlError error;
        do
        {
            // Each try with a fresh token, since the failed call may have used the last one up.
            PutArgument(BareMachine.Data, SourcePage, OwnPage);
            error = device.Ioctl(10, GuestMapArgument.Map, BareMachine.Data);
        }
        while (error == IoctlError.Again && ++tries < 3);

        Assert.Equal((IoctlError.None, 2), (error, tries));
    }

    private byte[] FreshToken()
    {
        var reply = _tool.Ask((b, s) => RawTool.Dialect.WriteEmpty(b, s, CommandKind.GetMapToken));
        Assert.Equal(0, reply.Error);
        return reply.Payload[8..].ToArray();
    }

    // The token crosses the end of a page.
    private void PutToken() => Assert.True(_own.Machine.TryWritePhysical(Token, FreshToken()));

    private void PutArgument(ulong pointer, ulong gpa, ulong gva)
    {
        var bytes = new byte[GuestMapArgument.Length];
        new GuestMapArgument(GuestMapArgument.ReadToken(FreshToken()), gpa, gva).Write(bytes);
        Assert.True(_own.Machine.TryWritePhysical(pointer, bytes));
    }

    private long Call(ulong number, ulong first, ulong second = 0, ulong third = 0)
    {
        var state = _own.State;
        (state.Regs.Rax, state.Regs.Rbx, state.Regs.Rcx, state.Regs.Rdx) = (number, first, second, third);
        Assert.True(MapHypercalls.IsOne(in state));
        return MapHypercalls.Execute(_ownVm.Context, _own.Vcpu, in state);
    }

    private sealed class Guest(MapHypercallTests test) : IKvmMemGuest
    {
        public int Refusals { get; set; }

        public long Refusal { get; init; }

        public long Hypercall(ulong number, ulong first, ulong second, ulong third) =>
            Refusals-- > 0 ? Refusal : test.Call(number, first, second, third);

        public bool TryReadVirtual(ulong gva, Span<byte> destination) =>
            TryTranslate(gva, out var gpa) && test._own.Machine.TryReadPhysical(gpa, destination);

        public bool TryTranslate(ulong gva, out ulong gpa) => test._own.Vcpu.TryTranslate(gva, out gpa);
    }
}
