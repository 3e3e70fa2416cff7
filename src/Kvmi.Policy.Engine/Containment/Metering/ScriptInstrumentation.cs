using Mono.Cecil;
using Mono.Cecil.Cil;
using Mono.Cecil.Rocks;
using IlCode = Mono.Cecil.Cil.Code;

namespace Kvmi.Policy.Engine.Containment.Metering;

/// <summary>
/// Puts the calls of <see cref="ScriptGuard"/> into a compiled script. Working on the emitted code and not on the source covers what has
/// no source: members of records, field initializers, iterators, and every kind of loop; line numbers stay as they are.
/// </summary>
internal static class ScriptInstrumentation
{
    /// <summary>Instruments an assembly.</summary>
    /// <param name="image">The assembly.</param>
    /// <param name="symbols">Its portable PDB.</param>
    /// <param name="refused">Jumps backwards inside a finally block, which cannot be stopped without ending the process: .NET 10 loses
    /// the thread when an exception leaves a finally block that has no other exit.</param>
    /// <returns>The new assembly and its PDB; when something is refused, the old ones.</returns>
    public static (byte[] Image, byte[] Symbols) Run(byte[] image, byte[] symbols, out IReadOnlyList<RefusedLoop> refused)
    {
        using var resolver = new DefaultAssemblyResolver();
        using var assembly = AssemblyDefinition.ReadAssembly(new MemoryStream(image, writable: false), new ReaderParameters
        {
            AssemblyResolver = resolver,
            ReadSymbols = true,
            SymbolReaderProvider = new PortablePdbReaderProvider(),
            SymbolStream = new MemoryStream(symbols, writable: false),
        });
        var guards = new Guards(assembly.MainModule);
        var types = assembly.MainModule.GetTypes().ToList();

        // What the framework calls back may be called by a loop of the framework: lambdas, comparisons, enumerators.
        var delegates = types.SelectMany(type => type.Methods).Where(method => method.HasBody).SelectMany(method => method.Body.Instructions)
            .Where(instruction => instruction.OpCode.Code is IlCode.Ldftn or IlCode.Ldvirtftn)
            .Select(instruction => (MethodReference)instruction.Operand)
            .Where(method => method.DeclaringType.GetElementType() is TypeDefinition)
            .Select(method => method.Resolve()).ToHashSet();
        var loops = new List<RefusedLoop>();
        foreach (var method in types.SelectMany(type => type.Methods).Where(method => method.HasBody))
            Instrument(method, guards, method.IsVirtual || delegates.Contains(method), loops);

        refused = loops;
        if (loops.Count > 0)
            return (image, symbols);

        using var newImage = new MemoryStream();
        using var newSymbols = new MemoryStream();
        assembly.Write(newImage, new WriterParameters
        {
            DeterministicMvid = true,
            WriteSymbols = true,
            SymbolStream = newSymbols,
            SymbolWriterProvider = new PortablePdbWriterProvider(),
        });
        return (newImage.ToArray(), newSymbols.ToArray());
    }

    private static void Instrument(MethodDefinition method, Guards guards, bool isCalledBack, List<RefusedLoop> refused)
    {
        var body = method.Body;
        var order = body.Instructions.Select((instruction, index) => (instruction, index)).ToDictionary(pair => pair.instruction, pair => pair.index);
        var jumps = body.Instructions.Where(instruction => JumpsBack(instruction, order)).ToList();
        foreach (var jump in jumps)
        {
            if (body.ExceptionHandlers.Any(handler => handler.HandlerType is ExceptionHandlerType.Finally or ExceptionHandlerType.Fault && Covers(handler, jump)))
                refused.Add(RefusedLoop.At(method, jump));
        }

        var arrays = body.Instructions.Where(instruction => instruction.OpCode == OpCodes.Newarr && !IsShort(instruction.Previous)).ToList();
        var stackMemory = body.Instructions.Where(instruction => instruction.OpCode == OpCodes.Localloc).ToList();
        var catches = body.ExceptionHandlers.Where(handler => handler.HandlerType == ExceptionHandlerType.Catch)
            .Select(handler => handler.HandlerStart).Distinct().ToList();
        var entry = jumps.Count > 0 || body.Instructions.Any(CallsOut);
        if (!entry && !isCalledBack && arrays.Count == 0 && stackMemory.Count == 0 && catches.Count == 0)
            return;

        // Short branches could no longer reach their targets.
        body.SimplifyMacros();
        foreach (var jump in jumps)
            IlEditing.InsertBefore(body, jump, Instruction.Create(OpCodes.Call, guards.Loop));

        foreach (var array in arrays)
        {
            IlEditing.InsertBefore(body, array, Instruction.Create(OpCodes.Conv_I));
            IlEditing.InsertBefore(body, array, Instruction.Create(OpCodes.Call, guards.NewArray));
        }

        foreach (var allocation in stackMemory)
            IlEditing.InsertBefore(body, allocation, Instruction.Create(OpCodes.Call, guards.StackMemory));

        foreach (var start in catches)
            IlEditing.InsertBefore(body, start, Instruction.Create(OpCodes.Call, guards.Caught));

        if (entry)
            IlEditing.InsertBefore(body, body.Instructions[0], Instruction.Create(OpCodes.Call, body.HasExceptionHandlers ? guards.EnterProtected : guards.Enter));
        else if (isCalledBack)
            IlEditing.InsertBefore(body, body.Instructions[0], Instruction.Create(OpCodes.Call, guards.Loop));

        body.OptimizeMacros();
    }

    private static bool JumpsBack(Instruction instruction, Dictionary<Instruction, int> order) => instruction.Operand switch
    {
        Instruction target => order[target] <= order[instruction],
        Instruction[] targets => targets.Any(target => order[target] <= order[instruction]),
        _ => false,
    };

    private static bool Covers(ExceptionHandler handler, Instruction instruction)
    {
        var offset = instruction.Offset;
        return offset >= handler.HandlerStart.Offset && (handler.HandlerEnd is null || offset < handler.HandlerEnd.Offset);
    }

    // A method that calls nothing cannot recurse; its base constructor is the one call that always ends.
    private static bool CallsOut(Instruction instruction) =>
        instruction.OpCode.Code is IlCode.Callvirt or IlCode.Newobj or IlCode.Calli or IlCode.Jmp
        || (instruction.OpCode.Code == IlCode.Call && instruction.Operand is not MethodReference { Name: ".ctor", DeclaringType.FullName: "System.Object" });

    private static bool IsShort(Instruction? length) => length is not null
        && length.OpCode.Code is IlCode.Ldc_I4_0 or IlCode.Ldc_I4_1 or IlCode.Ldc_I4_2 or IlCode.Ldc_I4_3 or IlCode.Ldc_I4_4 or IlCode.Ldc_I4_5
            or IlCode.Ldc_I4_6 or IlCode.Ldc_I4_7 or IlCode.Ldc_I4_8 or IlCode.Ldc_I4_S;

    private sealed class Guards(ModuleDefinition module)
    {
        public MethodReference Loop { get; } = Import(module, nameof(ScriptGuard.Loop));

        public MethodReference Enter { get; } = Import(module, nameof(ScriptGuard.Enter));

        public MethodReference EnterProtected { get; } = Import(module, nameof(ScriptGuard.EnterProtected));

        public MethodReference Caught { get; } = Import(module, nameof(ScriptGuard.Caught));

        public MethodReference NewArray { get; } = Import(module, nameof(ScriptGuard.NewArray));

        public MethodReference StackMemory { get; } = Import(module, nameof(ScriptGuard.StackMemory));

        private static MethodReference Import(ModuleDefinition module, string name) =>
            module.ImportReference(typeof(ScriptGuard).GetMethod(name));
    }
}
