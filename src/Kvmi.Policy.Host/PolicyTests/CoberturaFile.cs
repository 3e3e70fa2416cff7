using System.Globalization;
using System.Text;
using System.Xml;
using Kvmi.Policy.Engine.Scripting.Coverage;

namespace Kvmi.Policy.Host.PolicyTests;

/// <summary>Coverage as Cobertura XML (coverage-04.dtd): a package for each policy, a class for each file of its script.</summary>
internal static class CoberturaFile
{
    /// <summary>Writes the report. Files below the current directory are named relative to it, as readers expect.</summary>
    public static void Write(Stream stream, IReadOnlyList<PolicyCoverage> policies, DateTimeOffset time)
    {
        var root = Directory.GetCurrentDirectory();
        var settings = new XmlWriterSettings { Encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), Indent = true };
        using var xml = XmlWriter.Create(stream, settings);
        xml.WriteStartDocument();
        xml.WriteStartElement("coverage");
        var measured = policies.Where(policy => policy.Files.Count > 0).ToList();
        Rates(xml, measured.SelectMany(policy => policy.Files).ToList());
        Number(xml, "lines-covered", measured.Sum(policy => policy.HitLines));
        Number(xml, "lines-valid", measured.Sum(policy => policy.Lines));
        Number(xml, "branches-covered", measured.Sum(policy => policy.HitBranches));
        Number(xml, "branches-valid", measured.Sum(policy => policy.Branches));
        Number(xml, "complexity", 0);
        xml.WriteAttributeString("version", Program.Version);
        Number(xml, "timestamp", time.ToUnixTimeSeconds());
        xml.WriteStartElement("sources");
        xml.WriteElementString("source", XmlText.Clean(root));
        xml.WriteEndElement();
        xml.WriteStartElement("packages");
        foreach (var policy in measured)
        {
            Package(xml, policy, root);
        }

        xml.WriteEndElement();
        xml.WriteEndElement();
        xml.WriteEndDocument();
    }

    private static void Package(XmlWriter xml, PolicyCoverage policy, string root)
    {
        xml.WriteStartElement("package");
        xml.WriteAttributeString("name", XmlText.Clean(policy.Policy));
        Rates(xml, policy.Files);
        Number(xml, "complexity", 0);
        xml.WriteStartElement("classes");
        foreach (var file in policy.Files)
        {
            xml.WriteStartElement("class");
            xml.WriteAttributeString("name", XmlText.Clean(Path.GetFileNameWithoutExtension(file.File)));
            xml.WriteAttributeString("filename", XmlText.Clean(RelativeTo(root, file.File)));
            Rates(xml, [file]);
            Number(xml, "complexity", 0);
            xml.WriteStartElement("methods");
            xml.WriteEndElement();
            xml.WriteStartElement("lines");
            foreach (var line in file.Lines)
            {
                Line(xml, line);
            }

            xml.WriteEndElement();
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private static void Line(XmlWriter xml, LineCoverage line)
    {
        xml.WriteStartElement("line");
        Number(xml, "number", line.Line);
        Number(xml, "hits", line.Hits);
        xml.WriteAttributeString("branch", line.Branches > 0 ? "true" : "false");
        if (line.Branches > 0)
        {
            xml.WriteAttributeString("condition-coverage", string.Create(
                CultureInfo.InvariantCulture, $"{line.TakenBranches * 100L / line.Branches}% ({line.TakenBranches}/{line.Branches})"));
        }

        xml.WriteEndElement();
    }

    private static void Rates(XmlWriter xml, IReadOnlyList<FileCoverage> files)
    {
        var lines = files.SelectMany(file => file.Lines).ToList();
        Rate(xml, "line-rate", lines.Count(line => line.Hits > 0), lines.Count);
        Rate(xml, "branch-rate", lines.Sum(line => line.TakenBranches), lines.Sum(line => line.Branches));
    }

    private static void Rate(XmlWriter xml, string name, int hit, int all) =>
        xml.WriteAttributeString(name, (all == 0 ? 1 : (double)hit / all).ToString("0.####", CultureInfo.InvariantCulture));

    private static void Number(XmlWriter xml, string name, long value) => xml.WriteAttributeString(name, value.ToString(CultureInfo.InvariantCulture));

    private static string RelativeTo(string root, string file)
    {
        var full = Path.GetFullPath(file);
        return full.StartsWith(root + Path.DirectorySeparatorChar, StringComparison.Ordinal) ? Path.GetRelativePath(root, full) : full;
    }
}
