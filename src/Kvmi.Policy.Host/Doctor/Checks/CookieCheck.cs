using System.Globalization;
using Kvmi.Policy.Host.CommandLine;
using Kvmi.Policy.Host.Doctor.Facts;

namespace Kvmi.Policy.Host.Doctor.Checks;

/// <summary>Is the file with the shared secret usable and private?</summary>
internal sealed class CookieCheck : IDoctorCheck
{
    /// <summary>Name of the check.</summary>
    public const string Name = "cookie-file";

    public IEnumerable<DoctorFinding> Run(DoctorContext context)
    {
        if (context.Options.CookieFile is not { } path)
        {
            yield break;
        }

        var facts = context.System.FileAt(path);
        if (facts.Kind != FileKind.File)
        {
            yield return new DoctorFinding(Name, DoctorStatus.Failure, facts.Kind switch
            {
                FileKind.Absent => $"There is no cookie file {path}.",
                FileKind.Hidden => $"{context.System.User.Name} may not look at the cookie file {path}.",
                _ => $"The cookie file {path} is no plain file.",
            }, "Give the file whose bytes QEMU has as its secret (file= of the secret object).");
            yield break;
        }

        if (facts.Size is 0 or > CookieFile.MaxLength)
        {
            yield return new DoctorFinding(Name, DoctorStatus.Failure,
                string.Create(CultureInfo.InvariantCulture, $"The cookie file {path} has {facts.Size} bytes; 1 to {CookieFile.MaxLength} are allowed."),
                "Write the secret into it, exactly its bytes.");
            yield break;
        }

        if (context.System.ReadBytes(path, CookieFile.MaxLength) is not { } secret)
        {
            yield return new DoctorFinding(Name, DoctorStatus.Failure, $"{context.System.User.Name} may not read the cookie file {path}.",
                $"chown it to {context.System.User.Name}, mode 0400.");
            yield break;
        }

        // As run does: a group may read.
        if ((facts.Mode & 0x16) != 0)
        {
            yield return new DoctorFinding(Name, DoctorStatus.Failure, $"Other users can get at the cookie file {path} (mode {facts.ModeText}).", $"chmod 0400 {path}");
        }

        yield return secret is [.., (byte)'\n' or (byte)'\r']
            ? new DoctorFinding(Name, DoctorStatus.Note, $"The cookie file {path} ends with a line break, which counts as part of the secret.",
                "If QEMU's secret has none (data=...), write the file without: printf %s.")
            : new DoctorFinding(Name, DoctorStatus.Ok,
                string.Create(CultureInfo.InvariantCulture, $"The cookie file {path} can be read: {secret.Length} bytes."));
    }
}
