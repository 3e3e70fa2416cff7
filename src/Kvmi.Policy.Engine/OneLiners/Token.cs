namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>One word of a one-liner.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Text">As it was written.</param>
/// <param name="Start">Its first character, from 0.</param>
/// <param name="End">The character behind it.</param>
/// <param name="Value">The number.</param>
internal readonly record struct Token(TokenKind Kind, string Text, int Start, int End, ulong Value)
{
    /// <summary>As messages name it.</summary>
    public override string ToString() => Kind == TokenKind.End ? "the end" : Kind == TokenKind.Text ? $"\"{Text}\"" : $"'{Text}'";
}
