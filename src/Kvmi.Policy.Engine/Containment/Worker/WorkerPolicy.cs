using Kvmi.Policy.Engine.Model;
using Kvmi.Policy.Engine.Scripting;

namespace Kvmi.Policy.Engine.Containment.Worker;

/// <summary>One policy of a worker.</summary>
/// <param name="Definition">What of the file its code can see.</param>
/// <param name="Script">Its compiled script; null for a plugin's policy.</param>
internal sealed record WorkerPolicy(PolicyDefinition Definition, WorkerScript? Script);

/// <summary>A compiled script.</summary>
/// <param name="TypeName">Class that it became.</param>
/// <param name="EntryPoint">Method that runs the top-level statements.</param>
/// <param name="Image">The assembly, metered and checked.</param>
/// <param name="Symbols">Its portable PDB.</param>
/// <param name="Files">Its source files, the main one first.</param>
internal sealed record WorkerScript(string TypeName, string EntryPoint, byte[] Image, byte[] Symbols, IReadOnlyList<string> Files)
{
    /// <summary>What a worker needs of a script that the host compiled.</summary>
    public static WorkerScript Of(CompiledScript script) =>
        new(script.TypeName, script.EntryPoint, script.Image, script.Symbols, [script.Path, .. script.LoadedTexts.Keys]);
}

/// <summary>A plugin of a worker.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Path">Where its main assembly was read, for messages.</param>
/// <param name="Assemblies">Name and bytes of the main assembly, then of its private dependencies.</param>
internal sealed record WorkerPlugin(string Id, string Path, IReadOnlyList<(string Name, byte[] Image)> Assemblies);
