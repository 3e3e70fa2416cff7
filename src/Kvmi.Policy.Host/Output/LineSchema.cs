namespace Kvmi.Policy.Host.Output;

/// <summary>json-lines.schema.json, as it was when the command was built.</summary>
internal static class LineSchema
{
    /// <summary>The document.</summary>
    public static string Text
    {
        get
        {
            using var reader = new StreamReader(typeof(LineSchema).Assembly.GetManifestResourceStream("json-lines.schema.json")!);
            return reader.ReadToEnd();
        }
    }
}
