using Kvmi.Protocol;

namespace Kvmi.Policy.Engine.Configuration.Reading;

/// <summary>Page access in words: none, r-x, w, rwx.</summary>
internal static class AccessWords
{
    /// <summary>Reads a word that the schema has accepted.</summary>
    public static PageAccess Parse(string text)
    {
        var access = PageAccess.None;
        if (text == "none")
        {
            return access;
        }

        foreach (var letter in text)
        {
            access |= letter switch
            {
                'r' => PageAccess.Read,
                'w' => PageAccess.Write,
                'x' => PageAccess.Execute,
                _ => PageAccess.None,
            };
        }

        return access;
    }
}
