using System.Diagnostics;

namespace Kvmi.Policy.Engine.Tests.Trust;

/// <summary>Gives files to other users, which only root may.</summary>
internal static class Others
{
    public const UnixFileMode Everybody = (UnixFileMode)0x1FF;

    /// <summary>Changes owner or group; skips the test for anybody but root.</summary>
    public static void Own(string path, string owner)
    {
        Assert.SkipUnless(Environment.UserName == "root", "Only root can give a file away.");
        using var chown = Process.Start("chown", ["-h", owner, path]);
        chown.WaitForExit();
        Assert.Equal(0, chown.ExitCode);
    }
}
