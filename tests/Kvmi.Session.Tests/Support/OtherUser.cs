using System.Runtime.InteropServices;

namespace Kvmi.Session.Tests.Support;

/// <summary>Runs something as user and group 65534 (nobody), on a thread of its own: the kernel keeps credentials per thread.</summary>
internal static partial class OtherUser
{
    public const uint Id = 65534;
    private const long SetResUid = 117;
    private const long SetResGid = 119;

    /// <summary>Skips the test where this is not allowed.</summary>
    public static T Run<T>(Func<T> action)
    {
        Assert.SkipUnless(
            OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64 && Environment.UserName == "root",
            "Only root can act as another user.");
        T result = default!;
        Exception? failure = null;
        var changed = false;
        var thread = new Thread(() =>
        {
            try
            {
                changed = Syscall(SetResGid, Id, Id, Id) == 0 && Syscall(SetResUid, Id, Id, Id) == 0;
                result = changed ? action() : result;
            }
            catch (Exception exception)
            {
                failure = exception;
            }
        });
        thread.Start();
        thread.Join();
        Assert.SkipUnless(changed, "This system does not let root act as another user.");
        return failure is null ? result : throw failure;
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long Syscall(long number, nuint first, nuint second, nuint third);
}
