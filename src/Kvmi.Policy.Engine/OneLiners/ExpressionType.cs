namespace Kvmi.Policy.Engine.OneLiners;

/// <summary>What an expression of a one-liner gives.</summary>
internal enum ExpressionType
{
    /// <summary>An unsigned number of 64 bits.</summary>
    Number,

    /// <summary>True or false.</summary>
    Condition,

    /// <summary>Kinds of page access.</summary>
    Access,

    /// <summary>A descriptor table.</summary>
    Table,

    /// <summary>Whatever the member of the contract gives that the expression names; the compiler knows.</summary>
    Member,
}
