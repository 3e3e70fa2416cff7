namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>What a word of a one-liner is.</summary>
internal enum TokenKind
{
    /// <summary>A name.</summary>
    Name,

    /// <summary>A number; <see cref="Token.Value"/> has it.</summary>
    Number,

    /// <summary>A text in quotes; <see cref="Token.Text"/> is what is between them.</summary>
    Text,

    /// <summary>An operator or a bracket.</summary>
    Sign,

    /// <summary>Behind the last one.</summary>
    End,
}
