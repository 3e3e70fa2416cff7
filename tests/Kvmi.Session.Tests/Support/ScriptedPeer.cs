using Kvmi.Protocol;
using Kvmi.Protocol.Dialects;

namespace Kvmi.Session.Tests.Support;

/// <summary>Ways to attach a <see cref="FakePeer"/>.</summary>
internal static class ScriptedPeer
{
    /// <summary>Attaches a peer whose dialect the tool finds out; an rfc-v5 kernel refuses the first question and is asked anew.</summary>
    public static FakePeer Detected(string path, Dialect dialect, uint vcpus = 1)
    {
        if (dialect.Id == KvmiDialect.RfcV5)
        {
            using var first = new FakePeer(path, dialect);
            first.SayHello();
            first.ReadAnswer();
            first.Reply(first.ReadHeader().Header, KvmiError.NoSuchCommand);
            Assert.True(first.IsClosedByTool());
        }

        return FakePeer.Attached(path, vcpus, dialect: dialect);
    }
}
