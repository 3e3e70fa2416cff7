using System.CommandLine;
using System.CommandLine.Parsing;

namespace Kvmi.Policy.Host.Tests.CommandLine;

/// <summary>Every verb of the command tree tells how it is used, in command lines that it takes.</summary>
public sealed class HelpTests
{
    public static TheoryData<string> Verbs => [.. Walk(Program.CreateRoot(), "").Select(entry => entry.Path)];

    [Fact]
    public void The_walk_finds_verbs_and_verbs_of_verbs()
    {
        var paths = Walk(Program.CreateRoot(), "").Select(entry => entry.Path).ToArray();
        Assert.Superset(new HashSet<string> { "", "run", "validate", "trace", "trace cut", "new plugin", "tail" }, paths.ToHashSet());
    }

    [Theory]
    [MemberData(nameof(Verbs))]
    public void Its_help_has_examples_that_the_command_takes(string path)
    {
        var root = Program.CreateRoot();
        var verb = Walk(root, "").Single(entry => entry.Path == path).Verb;
        var examples = Examples(verb.Description!);
        Assert.NotEmpty(examples);
        foreach (var example in examples)
        {
            // What follows a redirection or a pipe is the shell's.
            var words = Words(example).TakeWhile(word => word is not (">" or "|" or "&&")).ToArray();
            Assert.Equal("kvmi-policy", words[0]);
            var parse = root.Parse(words[1..]);
            Assert.True(parse.Errors.Count == 0, $"{example}: {string.Join(' ', parse.Errors.Select(error => error.Message))}");
            Assert.Contains(verb, Chain(parse.CommandResult));
            Assert.NotNull(parse.CommandResult.Command.Action);
        }
    }

    [Theory]
    [MemberData(nameof(Verbs))]
    public void It_describes_every_option_and_argument(string path)
    {
        var verb = Walk(Program.CreateRoot(), "").Single(entry => entry.Path == path).Verb;
        Assert.All(verb.Options.Where(option => !option.Hidden), option => Assert.False(string.IsNullOrWhiteSpace(option.Description), $"{path} {option.Name}"));
        Assert.All(verb.Arguments.Where(argument => !argument.Hidden), argument => Assert.False(string.IsNullOrWhiteSpace(argument.Description), $"{path} {argument.Name}"));
        Assert.All(verb.Options.Where(option => !option.Hidden), option => Assert.StartsWith("--", option.Name, StringComparison.Ordinal));
    }

    private static IEnumerable<(string Path, Command Verb)> Walk(Command verb, string path) =>
        verb.Subcommands.Where(inner => !inner.Hidden).SelectMany(inner => Walk(inner, path.Length == 0 ? inner.Name : $"{path} {inner.Name}")).Prepend((path, verb));

    private static string[] Examples(string description)
    {
        var lines = description.Split('\n');
        var start = Array.FindIndex(lines, line => line is "Example:" or "Examples:");
        return start < 0 ? [] : [.. lines.Skip(start + 1).TakeWhile(line => line.StartsWith("  ", StringComparison.Ordinal)).Select(line => line.Trim())];
    }

    // As a shell splits them: the command line's own splitter does not know single quotes, and one-liners stand in them.
    private static List<string> Words(string line)
    {
        List<string> words = [];
        var word = new System.Text.StringBuilder();
        var (quote, isOpen) = ('\0', false);
        foreach (var character in line)
        {
            if (quote != '\0' ? character == quote : character is '\'' or '"')
            {
                quote = quote != '\0' ? '\0' : character;
                isOpen = true;
            }
            else if (quote == '\0' && character == ' ')
            {
                Close();
            }
            else
            {
                word.Append(character);
                isOpen = true;
            }
        }

        Assert.Equal('\0', quote);
        Close();
        return words;

        void Close()
        {
            if (isOpen)
            {
                words.Add(word.ToString());
            }

            word.Clear();
            isOpen = false;
        }
    }

    private static IEnumerable<Command> Chain(CommandResult? result)
    {
        for (; result is not null; result = result.Parent as CommandResult)
        {
            yield return result.Command;
        }
    }
}
