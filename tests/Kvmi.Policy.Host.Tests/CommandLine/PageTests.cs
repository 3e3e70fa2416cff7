using System.Text.RegularExpressions;

namespace Kvmi.Policy.Host.Tests.CommandLine;

/// <summary>A page that nobody is led to answers nobody's question.</summary>
public sealed partial class PageTests
{
    // What `new` writes into the folder of an author; no pages of this project.
    private const string Templates = "src/Kvmi.Policy.Host/Authoring/Templates/";

    private static readonly string Root = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "../../../../.."));

    [Fact]
    public void Every_page_can_be_reached_from_the_README_and_every_link_leads_somewhere()
    {
        var reached = new HashSet<string>(StringComparer.Ordinal) { "README.md" };
        var open = new Queue<string>(reached);
        var dead = new List<string>();
        while (open.TryDequeue(out var page))
        {
            foreach (var target in Links(page))
            {
                var path = Path.GetRelativePath(Root, Path.GetFullPath(Path.Combine(Root, Path.GetDirectoryName(page)!, target)));
                if (!File.Exists(Path.Combine(Root, path)) && !Directory.Exists(Path.Combine(Root, path)))
                {
                    dead.Add($"{page}: {target}");
                }
                else if (path.EndsWith(".md", StringComparison.Ordinal) && reached.Add(path))
                {
                    open.Enqueue(path);
                }
            }
        }

        Assert.Empty(dead);
        var pages = Pages().ToArray();
        Assert.True(pages.Length >= 30, $"{pages.Length} pages: the search does not find them");
        Assert.Equal([], pages.Except(reached));
    }

    private static IEnumerable<string> Pages() => new[] { "src", "plugins", "policies", "tests" }
        .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Root, folder), "*.md", SearchOption.AllDirectories))
        .Concat(Directory.EnumerateFiles(Root, "*.md"))
        .Select(path => Path.GetRelativePath(Root, path))
        .Where(path => !path.Split('/').Any(part => part is "bin" or "obj") && !path.StartsWith(Templates, StringComparison.Ordinal));

    private static IEnumerable<string> Links(string page) => Link().Matches(File.ReadAllText(Path.Combine(Root, page)))
        .Select(match => match.Groups[1].Value.Split('#')[0])
        .Where(target => target.Length > 0 && !target.Contains("://", StringComparison.Ordinal));

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();
}
