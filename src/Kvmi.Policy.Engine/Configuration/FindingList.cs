using Kvmi.Policy.Engine.Configuration.Yaml;
using Kvmi.Policy.Engine.Findings;

namespace Kvmi.Policy.Engine.Configuration;

/// <summary>The findings of one file, bounded so that a hostile file cannot flood the log.</summary>
internal sealed class FindingList
{
    public const int Most = 100;

    private readonly List<Finding> _findings = [];

    public FindingList(string file) => File = file;

    public string File { get; }

    public IReadOnlyList<Finding> All => _findings;

    /// <summary>Counts every error, also those that the bound left out.</summary>
    public int Errors { get; private set; }

    public void Error(YamlNode node, string code, string message, string? hint = null) => Error(node.Line, node.Column, code, message, hint);

    public void Error(int line, int column, string code, string message, string? hint = null)
    {
        Errors++;
        Add(new Finding(new SourceLocation(File, line, column), FindingSeverity.Error, code, message, hint));
    }

    /// <summary>An error in another file, such as the site's.</summary>
    public void Error(SourceLocation location, string code, string message, string? hint = null)
    {
        Errors++;
        Add(new Finding(location, FindingSeverity.Error, code, message, hint));
    }

    public void Warning(YamlNode node, string code, string message, string? hint = null) =>
        Add(new Finding(new SourceLocation(File, node.Line, node.Column), FindingSeverity.Warning, code, message, hint));

    private void Add(Finding finding)
    {
        if (_findings.Count < Most)
        {
            _findings.Add(finding);
        }
        else if (_findings.Count == Most)
        {
            _findings.Add(new Finding(
                new SourceLocation(File), FindingSeverity.Error, FindingCodes.TooManyFindings, $"There is more than the {Most} findings above.", "mend those first"));
        }
    }
}
