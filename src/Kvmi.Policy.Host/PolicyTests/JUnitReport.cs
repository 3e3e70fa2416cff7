using System.Globalization;
using System.Text;
using System.Xml;
using Kvmi.Policy.Engine.Findings;
using Kvmi.Policy.Testing.Policies;

namespace Kvmi.Policy.Host.PolicyTests;

/// <summary>
/// Results as JUnit XML: a suite for each policy. There is no one schema; what is written keeps to the strictest of those that CI systems use, with
/// all of its required attributes and none that another lacks, so places stand in the text of a failure.
/// </summary>
internal static class JUnitReport
{
    /// <summary>Writes the report, over one that is there.</summary>
    /// <param name="file">The file.</param>
    /// <param name="time">When the tests ended.</param>
    /// <param name="tests">The results.</param>
    /// <param name="errors">What kept policies from loading, and so their tests from running.</param>
    public static void Write(string file, DateTimeOffset time, IReadOnlyList<PolicyTestResult> tests, IReadOnlyList<Finding> errors)
    {
        using var stream = new FileStream(file, FileMode.Create, FileAccess.Write, FileShare.Read);
        var settings = new XmlWriterSettings { Encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), Indent = true };
        using var xml = XmlWriter.Create(stream, settings);
        xml.WriteStartDocument();
        xml.WriteStartElement("testsuites");
        var id = 0;
        foreach (var policy in tests.GroupBy(test => test.Policy, StringComparer.Ordinal))
        {
            var all = policy.ToList();
            Suite(xml, id++, policy.Key, time, all.Count, all.Count(test => !test.Passed), errors: 0, all.Sum(test => test.Elapsed.TotalSeconds), () =>
            {
                foreach (var test in all)
                {
                    Case(xml, test);
                }
            });
        }

        foreach (var broken in errors.GroupBy(error => error.Location.File, StringComparer.Ordinal))
        {
            Suite(xml, id++, broken.Key, time, tests: 1, failures: 0, errors: 1, seconds: 0, () => Broken(xml, broken));
        }

        xml.WriteEndElement();
        xml.WriteEndDocument();
    }

    private static void Suite(
        XmlWriter xml, int id, string name, DateTimeOffset time, int tests, int failures, int errors, double seconds, Action cases)
    {
        xml.WriteStartElement("testsuite");
        Attribute(xml, "id", id.ToString(CultureInfo.InvariantCulture));
        Attribute(xml, "name", name);
        Attribute(xml, "package", "kvmi-policy");
        Attribute(xml, "timestamp", time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture));

        // What the schema asks for where the name of the machine is nobody's business.
        Attribute(xml, "hostname", "localhost");
        Attribute(xml, "tests", tests.ToString(CultureInfo.InvariantCulture));
        Attribute(xml, "failures", failures.ToString(CultureInfo.InvariantCulture));
        Attribute(xml, "errors", errors.ToString(CultureInfo.InvariantCulture));
        Attribute(xml, "time", Seconds(seconds));
        xml.WriteStartElement("properties");
        xml.WriteEndElement();
        cases();
        xml.WriteElementString("system-out", "");
        xml.WriteElementString("system-err", "");
        xml.WriteEndElement();
    }

    private static void Case(XmlWriter xml, PolicyTestResult test)
    {
        StartCase(xml, test.Policy, test.Test, test.Elapsed.TotalSeconds);
        if (!test.Passed)
        {
            xml.WriteStartElement("failure");
            Attribute(xml, "message", test.Failures[0]);
            Attribute(xml, "type", "expectation");
            var seen = test.Seen.Select(line => $"seen: {line}");
            xml.WriteString(XmlText.Clean(string.Join('\n', [$"{test.Location}", .. test.Failures, .. seen])));
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
    }

    private static void Broken(XmlWriter xml, IGrouping<string, Finding> findings)
    {
        StartCase(xml, findings.Key, "loads", seconds: 0);
        xml.WriteStartElement("error");
        Attribute(xml, "message", findings.First().Message);
        Attribute(xml, "type", findings.First().Code);
        xml.WriteString(XmlText.Clean(string.Join('\n', findings)));
        xml.WriteEndElement();
        xml.WriteEndElement();
    }

    private static void StartCase(XmlWriter xml, string className, string name, double seconds)
    {
        xml.WriteStartElement("testcase");
        Attribute(xml, "name", name);
        Attribute(xml, "classname", className);
        Attribute(xml, "time", Seconds(seconds));
    }

    private static void Attribute(XmlWriter xml, string name, string value) => xml.WriteAttributeString(name, XmlText.Clean(value));

    private static string Seconds(double seconds) => seconds.ToString("0.000###", CultureInfo.InvariantCulture);
}
