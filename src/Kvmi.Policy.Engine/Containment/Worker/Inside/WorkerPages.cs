using Kvmi.Policy.Engine.Containment.Worker.Lane;
using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Containment.Worker.Inside;

/// <summary>The policy's page leases, which the host keeps.</summary>
internal sealed class WorkerPages(WorkerChannel channel) : IPageLeases
{
    public bool Set(ulong gpa, PageAccess access) => Ask(LaneCode.SetPage, gpa, access) != 0;

    public bool Release(ulong gpa) => Ask(LaneCode.ReleasePage, gpa, PageAccess.None) != 0;

    public PageAccess Get(ulong gpa) => (PageAccess)Ask(LaneCode.GetPage, gpa, PageAccess.None);

    private byte Ask(LaneCode code, ulong gpa, PageAccess access)
    {
        var question = channel.Ask(code);
        question.U64(gpa);
        question.U8((byte)access);
        return channel.Answer(in question).U8();
    }
}
