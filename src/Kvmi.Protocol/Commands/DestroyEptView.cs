namespace Kvmi.Protocol.Commands;

/// <summary>DESTROY_EPT_VIEW (v7, builds from September 2023).</summary>
/// <param name="View">EPT view.</param>
public readonly record struct DestroyEptView(ushort View);
