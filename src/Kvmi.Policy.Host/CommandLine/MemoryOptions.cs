using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Kvmi.Guest.Memory;

namespace Kvmi.Policy.Host.CommandLine;

/// <summary>How guest memory is read. One set of options a verb.</summary>
internal sealed class MemoryOptions
{
    /// <summary>Pages that are remembered when nothing else is said.</summary>
    public const int DefaultCachePages = 32;

    private readonly Option<int> _cache = new("--memory-cache")
    {
        Description = $"Pages of guest memory that are remembered for each VM during an event, {PageCache.MinPages} to {PageCache.MaxPages}; 0 asks the VM "
            + $"at every read (default {DefaultCachePages})",
        HelpName = "PAGES",
        DefaultValueFactory = _ => DefaultCachePages,
        CustomParser = Parse,
    };

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command verb) => verb.Add(_cache);

    /// <summary>The number of pages; 0 for none.</summary>
    public int Read(ParseResult parse) => parse.GetRequiredValue(_cache);

    private static int Parse(ArgumentResult result)
    {
        var text = result.Tokens[^1].Value;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var pages)
            && pages is 0 or (>= PageCache.MinPages and <= PageCache.MaxPages))
        {
            return pages;
        }

        result.AddError($"--memory-cache {text}: give {PageCache.MinPages} to {PageCache.MaxPages} pages, or 0 for none.");
        return DefaultCachePages;
    }
}
