namespace Kvmi.Policy.Engine.Model;

/// <summary>Scope and life of a policy's named state.</summary>
/// <param name="Scope">Who shares it.</param>
/// <param name="KeepOnReload">True: the same names are found again after a reload.</param>
public sealed record PolicyStateSettings(PolicyStateScope Scope, bool KeepOnReload);
