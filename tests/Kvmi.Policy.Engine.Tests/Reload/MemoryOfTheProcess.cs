namespace Kvmi.Policy.Engine.Tests.Reload;

/// <summary>Tests that measure the memory of the whole process: they run while no others do.</summary>
[CollectionDefinition(DisableParallelization = true)]
public sealed class MemoryOfTheProcess;
