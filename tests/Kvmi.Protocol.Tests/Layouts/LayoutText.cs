using System.Globalization;
using System.Text;
using Kvmi.Protocol.Layouts;

namespace Kvmi.Protocol.Tests.Layouts;

/// <summary>A layout as one line: "name@offset:bytes".</summary>
internal static class LayoutText
{
    // The total stands behind the fields when padding follows the last of them.
    public static string Render(FieldLayout[] layout)
    {
        var text = new StringBuilder();
        var offset = 0;
        foreach (var field in layout)
        {
            if (field.Kind != FieldKind.Padding)
            {
                var length = field.Kind switch { FieldKind.Tail => "*", FieldKind.Entries => $"[{field.Length}]", _ => $":{field.Length}" };
                text.Append(CultureInfo.InvariantCulture, $"{field.Name}@{offset}{length} ");
            }

            offset += field.IsFixed ? field.Length : 0;
        }

        return layout is [.., { Kind: FieldKind.Padding }] ? text.Append(offset).ToString() : text.ToString().TrimEnd();
    }
}
