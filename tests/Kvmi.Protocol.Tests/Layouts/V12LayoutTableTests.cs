using Kvmi.Protocol.Captures;
using Kvmi.Protocol.Dialects;
using Kvmi.Protocol.Layouts;
using static Kvmi.Protocol.Tests.Layouts.LayoutText;

namespace Kvmi.Protocol.Tests.Layouts;

/// <summary>The v12 and v11 tables against kvmi-later-dialects.md 3.6 to 3.9, offset by offset ("name@offset:bytes", payload offsets).</summary>
public sealed class V12LayoutTableTests
{
    private static readonly DialectLayouts V12 = DialectLayouts.Get(KvmiDialect.V12);
    private static readonly DialectLayouts V11 = DialectLayouts.Get(KvmiDialect.V11);

    [Theory]
    [InlineData(2, "GET_VERSION", "", "version@0:4 max_msg_size@4:4 features@8:8")]
    [InlineData(3, "VCPU_GET_INFO", "vcpu@0:2 8", "tsc_speed@0:8")]
    [InlineData(4, "VM_CHECK_COMMAND", "id@0:2 8", "")]
    [InlineData(5, "VCPU_CONTROL_EVENTS", "vcpu@0:2 event@8:2 enable@10:1 16", "")]
    [InlineData(6, "VM_CHECK_EVENT", "id@0:2 8", "")]
    [InlineData(7, "VCPU_GET_REGISTERS", "vcpu@0:2 nmsrs@8:2 idx@16[4]", "mode@0:4 regs@8:144 sregs@152:312 nmsrs@464:4 msrs@472[16]")]
    [InlineData(8, "VM_GET_INFO", "", "vcpu_count@0:4 16")]
    [InlineData(9, "VCPU_SET_REGISTERS", "vcpu@0:2 regs@8:144", "")]
    [InlineData(10, "VM_CONTROL_EVENTS", "event@0:2 enable@2:1 8", "")]
    [InlineData(11, "VCPU_GET_CPUID", "vcpu@0:2 function@8:4 index@12:4", "eax@0:4 ebx@4:4 ecx@8:4 edx@12:4")]
    [InlineData(12, "VM_READ_PHYSICAL", "gpa@0:8 size@8:2 16", "data@0*")]
    [InlineData(13, "VCPU_CONTROL_CR", "vcpu@0:2 cr@8:1 enable@9:1 16", "")]
    [InlineData(14, "VM_WRITE_PHYSICAL", "gpa@0:8 size@8:2 data@16*", "")]
    [InlineData(15, "VCPU_INJECT_EXCEPTION", "vcpu@0:2 nr@8:1 error_code@12:4 address@16:8", "")]
    [InlineData(16, "VM_PAUSE_VCPU", "vcpu@0:2 wait@2:1 8", "")]
    [InlineData(17, "VCPU_GET_XCR", "vcpu@0:2 xcr@8:1 16", "value@0:8")]
    [InlineData(18, "VM_CONTROL_CLEANUP", "enable@0:1 8", "")]
    [InlineData(19, "VCPU_GET_XSAVE", "vcpu@0:2 8", "area@0:4096")]
    [InlineData(20, "VM_SET_PAGE_ACCESS", "count@0:2 entries@8[16]", "")]
    [InlineData(21, "VCPU_SET_XSAVE", "vcpu@0:2 area@8:4096", "")]
    [InlineData(23, "VCPU_GET_MTRR_TYPE", "vcpu@0:2 gpa@8:8", "type@0:1 8")]
    [InlineData(25, "VCPU_CONTROL_MSR", "vcpu@0:2 enable@8:1 msr@12:4", "")]
    [InlineData(27, "VCPU_CONTROL_SINGLESTEP", "vcpu@0:2 enable@8:1 16", "")]
    [InlineData(29, "VCPU_TRANSLATE_GVA", "vcpu@0:2 gva@8:8", "gpa@0:8")]
    public void Commands(int id, string name, string request, string reply)
    {
        // v11 has this one command under another id.
        var ids = name == "VM_SET_PAGE_ACCESS" ? (V12: id, V11: 22) : (V12: id, V11: id);
        foreach (var command in new[] { V12.Command((ushort)ids.V12)!, V11.Command((ushort)ids.V11)! })
        {
            Assert.Equal((name, request, reply), (command.Name, Render(command.Request), Render(command.Reply)));
        }

        Assert.Equal((24, 25), (V12.Commands.Length, V11.Commands.Length));
        Assert.Equal(("VM_GET_MAX_GFN", "gfn@0:8"), (V11.Command(20)!.Name, Render(V11.Command(20)!.Reply)));
    }

    [Theory]
    [InlineData(0, "UNHOOK", "", "")]
    [InlineData(1, "PAUSE", "", "")]
    [InlineData(3, "HYPERCALL", "", "")]
    [InlineData(5, "BREAKPOINT", "gpa@0:8 insn_len@8:1 16", "")]
    [InlineData(7, "CR", "cr@0:1 old@8:8 new@16:8", "new_val@0:8")]
    [InlineData(9, "TRAP", "nr@0:1 error_code@4:4 address@8:8", "")]
    [InlineData(11, "XSETBV", "xcr@0:1 old@8:8 new@16:8", "")]
    [InlineData(13, "DESCRIPTOR", "descriptor@0:1 write@1:1 8", "")]
    [InlineData(15, "MSR", "msr@0:4 old@8:8 new@16:8", "new_val@0:8")]
    [InlineData(17, "PF", "gva@0:8 gpa@8:8 access@16:1 24", "")]
    [InlineData(19, "SINGLESTEP", "failed@0:1 8", "")]
    public void Events(int id, string name, string data, string reply)
    {
        foreach (var entry in new[] { V12.Event((ulong)id)!, V11.Event((ulong)id)! })
        {
            Assert.Equal((name, data, reply), (entry.Name, Render(entry.Data), Render(entry.ReplyExtra)));
        }
    }

    [Fact]
    public void Bases()
    {
        foreach (var table in new[] { V12, V11 })
        {
            Assert.Equal("event@0:2 8", Render(table.Shape(0)!.Base));
            Assert.Equal("event@0:2 size@8:2 vcpu@10:2 mode@16:1 regs@24:144 sregs@168:312 msrs@480:72", Render(table.Shape(1)!.Base));
            Assert.Equal((8, 1), (table.Shape(1)!.SizeOrigin, table.EventReplyId));
            Assert.Equal("vcpu@0:2 action@8:1 event@9:1 16", Render(table.EventReplyBase));
        }
    }

    [Theory]
    [MemberData(nameof(CaptureFiles.V11Theory), MemberType = typeof(CaptureFiles))]
    public void Events_of_v11_captures_have_the_names_of_their_notes(string file)
    {
        var decoder = new MessageDecoder(V11);
        foreach (var entry in CaptureFiles.Read(file).Where(CaptureFiles.IsMessage))
        {
            var message = decoder.Decode(entry.Direction, entry.Bytes);
            var isEvent = entry.Note.StartsWith("EVENT", StringComparison.Ordinal);
            Assert.Equal(isEvent, message.Role == MessageRole.Event);
            Assert.Equal(entry.Note.StartsWith("REPLY to", StringComparison.Ordinal), message.Role == MessageRole.EventReply);
            if (message.Role is MessageRole.Event or MessageRole.EventReply)
            {
                Assert.Null(message.Problem);
                Assert.Contains(message.Name, entry.Note, StringComparison.Ordinal);
            }

            if (message.Name == "CR" && isEvent)
            {
                Assert.True(message.Find("cr")!.Number is 0 or 3 or 4);
            }
        }
    }

    [Fact]
    public void Vm_events_have_a_shape_of_their_own()
    {
        var bytes = Convert.FromHexString("00000800050000000000000000000000");
        var message = new MessageDecoder(V12).Decode(MessageDirection.KernelToTool, bytes);
        Assert.Equal((MessageRole.Event, "UNHOOK"), (message.Role, message.Name));
        Assert.Equal(bytes, new MessageEncoder(V12).Encode(message));
    }
}
