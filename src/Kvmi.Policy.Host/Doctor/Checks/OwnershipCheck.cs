using Kvmi.Policy.Host.Doctor.Facts;

namespace Kvmi.Policy.Host.Doctor.Checks;

/// <summary>Can somebody else change the plugins and policies that are to be loaded?</summary>
internal sealed class OwnershipCheck : IDoctorCheck
{
    private const string Name = "file-owners";

    public IEnumerable<DoctorFinding> Run(DoctorContext context)
    {
        foreach (var path in context.Options.Files)
        {
            if (context.System.FileAt(path).Kind is FileKind.Absent or FileKind.Hidden)
            {
                yield return new DoctorFinding(Name, DoctorStatus.Failure, $"There is no {path}, or this user may not look at it.", "Correct the path.");
            }
            else if (Paths(path).Select(context.System.OwnershipFlaw).FirstOrDefault(flaw => flaw is not null) is { } flaw)
            {
                yield return new DoctorFinding(Name, DoctorStatus.Failure, $"Others can decide what is loaded from {path}: {flaw}.",
                    "Let root or this user own the files and their directories, and chmod go-w them.");
            }
            else
            {
                yield return new DoctorFinding(Name, DoctorStatus.Ok, $"Only root and {context.System.User.Name} can change what is in {path}.");
            }
        }
    }

    private static IEnumerable<string> Paths(string path) => Directory.Exists(path)
        ? Directory.EnumerateFileSystemEntries(path, "*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, AttributesToSkip = 0 })
            .Take(10_000).Prepend(path)
        : [path];
}
