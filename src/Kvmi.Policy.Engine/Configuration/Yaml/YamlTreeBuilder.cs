using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Kvmi.Policy.Engine.Configuration.Yaml;

/// <summary>Builds the tree of one document from parser events, with an explicit stack.</summary>
internal sealed class YamlTreeBuilder
{
    private readonly FindingList _findings;
    private readonly Stack<(YamlNode Node, YamlNode? Key)> _open = new();
    private YamlNode? _root;
    private int _nodes;

    public YamlTreeBuilder(FindingList findings) => _findings = findings;

    public YamlNode? Build(IParser parser)
    {
        while (parser.MoveNext())
        {
            if (!Take(parser.Current!))
            {
                return null;
            }
        }

        if (_root is null || _root is { Kind: YamlNodeKind.Scalar, Scalar: YamlScalarKind.Null })
        {
            _findings.Error(0, 0, FindingCodes.EmptyDocument, "The file holds no policy: it is empty or has only comments.");
            return null;
        }

        return _root;
    }

    private bool Take(ParsingEvent @event)
    {
        switch (@event)
        {
            case DocumentStart when _root is not null:
                return Refuse(@event, FindingCodes.SeveralDocuments, "A second document starts here; a file holds one policy.", "put it into a folder of its own");
            case AnchorAlias:
                return Refuse(@event, FindingCodes.Aliases, "Aliases (*name) are not allowed in policies.", "write the value out, or use a parameter");
            case NodeEvent node:
                return TakeNode(node);
            case SequenceEnd or MappingEnd:
                _open.Pop();
                return true;
            default:
                return true;
        }
    }

    private bool TakeNode(NodeEvent @event)
    {
        if (!@event.Anchor.IsEmpty)
        {
            return Refuse(@event, FindingCodes.Aliases, "Anchors (&name) are not allowed in policies.", "write the value out, or use a parameter");
        }

        if (!@event.Tag.IsEmpty)
        {
            return Refuse(@event, FindingCodes.Aliases, $"Tags ({Quoting.Quote(@event.Tag.ToString())}) are not allowed in policies.", "quote the value to make it a string");
        }

        if (++_nodes > YamlReader.MostNodes)
        {
            return Refuse(@event, FindingCodes.TooComplex, $"The file has more than {YamlReader.MostNodes} nodes.", null);
        }

        if (_open.Count >= YamlReader.DeepestNesting)
        {
            return Refuse(@event, FindingCodes.TooComplex, $"The file is nested more than {YamlReader.DeepestNesting} levels deep.", null);
        }

        var line = (int)@event.Start.Line;
        var column = (int)@event.Start.Column;
        var node = @event switch
        {
            Scalar scalar => YamlNode.ForScalar(
                scalar.Value, scalar.Style == ScalarStyle.Plain, scalar.Style is ScalarStyle.Literal or ScalarStyle.Folded, line, column),
            SequenceStart => YamlNode.ForSequence(line, column),
            _ => YamlNode.ForMapping(line, column),
        };

        if (!Attach(@event, node))
        {
            return false;
        }

        if (node.Kind != YamlNodeKind.Scalar)
        {
            _open.Push((node, null));
        }

        return true;
    }

    private bool Attach(NodeEvent @event, YamlNode node)
    {
        if (!_open.TryPop(out var parent))
        {
            _root = node;
            return true;
        }

        if (parent.Node.Kind == YamlNodeKind.Sequence)
        {
            parent.Node.Add(node);
        }
        else if (parent.Key is null)
        {
            if (!IsGoodKey(@event, parent.Node, node))
            {
                return false;
            }

            parent.Key = node;
        }
        else
        {
            parent.Node.Add(parent.Key, node);
            parent.Key = null;
        }

        _open.Push(parent);
        return true;
    }

    private bool IsGoodKey(NodeEvent @event, YamlNode mapping, YamlNode key)
    {
        if (key.Kind != YamlNodeKind.Scalar)
        {
            return Refuse(@event, FindingCodes.KeyNotText, $"A key must be a word, not {key.Describe()}.", null);
        }

        if (key.Text == "<<")
        {
            return Refuse(@event, FindingCodes.Aliases, "Merge keys (<<) are not allowed in policies.", "write the keys out");
        }

        if (mapping.HasKey(key.Text))
        {
            return Refuse(@event, FindingCodes.DuplicateKey, $"The key {Quoting.Quote(key.Text)} stands here a second time.", "keep one of them");
        }

        return true;
    }

    private bool Refuse(ParsingEvent @event, string code, string message, string? hint)
    {
        _findings.Error((int)@event.Start.Line, (int)@event.Start.Column, code, message, hint);
        return false;
    }
}
