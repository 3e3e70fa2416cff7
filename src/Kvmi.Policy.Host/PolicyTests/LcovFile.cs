using System.Globalization;
using System.Text;
using Kvmi.Policy.Engine.Scripting.Coverage;
using Kvmi.Policy.Host.Output;

namespace Kvmi.Policy.Host.PolicyTests;

/// <summary>Coverage as a tracefile of lcov (geninfo(1)): a section for each file of each policy; readers add up those of one file.</summary>
internal static class LcovFile
{
    /// <summary>Writes the report.</summary>
    public static void Write(Stream stream, IReadOnlyList<PolicyCoverage> policies)
    {
        using var text = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), leaveOpen: true) { NewLine = "\n" };
        foreach (var (policy, file) in policies.SelectMany(policy => policy.Files.Select(file => (policy, file))))
        {
            // Names of tests may have letters, digits and underscores alone; a path may have a line break, and must not end the line.
            text.WriteLine($"TN:{string.Concat(policy.Policy.Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '_'))}");
            text.WriteLine($"SF:{new StringBuilder().AppendSafe(Path.GetFullPath(file.File))}");
            foreach (var line in file.Lines.Where(line => line.Branches > 0))
            {
                for (var branch = 0; branch < line.Branches; branch++)
                {
                    // Which of a line's branches were taken is not kept, only how many; "-" stands for a line that never ran.
                    var taken = line.Hits == 0 ? "-" : branch < line.TakenBranches ? "1" : "0";
                    text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"BRDA:{line.Line},0,{branch},{taken}"));
                }
            }

            Count(text, "BRF", file.Lines.Sum(line => line.Branches));
            Count(text, "BRH", file.Lines.Sum(line => line.TakenBranches));
            foreach (var line in file.Lines)
            {
                text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"DA:{line.Line},{line.Hits}"));
            }

            Count(text, "LF", file.Lines.Count);
            Count(text, "LH", file.Lines.Count(line => line.Hits > 0));
            text.WriteLine("end_of_record");
        }
    }

    private static void Count(StreamWriter text, string name, int value) => text.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}:{value}"));
}
