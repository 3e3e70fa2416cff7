using Kvmi.Policy.Engine.Containment.Metering;
using Mono.Cecil;
using Mono.Cecil.Cil;
using Mono.Cecil.Rocks;
using IlCode = Mono.Cecil.Cil.Code;

namespace Kvmi.Policy.Engine.Scripting.Coverage;

/// <summary>
/// Puts calls of <see cref="CoverageProbe"/> into a compiled and metered script: one at each statement (sequence point), and one on each way out of each
/// conditional jump. It works behind the compile cache, so measuring does not compile anew, and what is metered stays as it was.
/// </summary>
internal sealed class CoverageInstrumentation
{
    private readonly List<CoveragePoint> _points = [];
    private readonly MethodReference _probe;
    private readonly int _script;

    private readonly HashSet<SequencePoint> _wholeFiles;

    private CoverageInstrumentation(MethodReference probe, int script, HashSet<SequencePoint> wholeFiles) =>
        (_probe, _script, _wholeFiles) = (probe, script, wholeFiles);

    /// <summary>Instruments an assembly.</summary>
    /// <param name="image">The assembly.</param>
    /// <param name="symbols">Its portable PDB.</param>
    /// <param name="open">Gives the number of the script for so many points.</param>
    /// <returns>The new assembly and its PDB, and the points in the order of their numbers.</returns>
    public static (byte[] Image, byte[] Symbols, IReadOnlyList<CoveragePoint> Points) Run(byte[] image, byte[] symbols, Func<int, int> open)
    {
        // The number of the script stands in every call, and how many points there are is only known at the end: once to count, once to write.
        var count = Rewrite(image, symbols, script: 0).Points.Count;
        return Rewrite(image, symbols, open(count));
    }

    private static (byte[] Image, byte[] Symbols, IReadOnlyList<CoveragePoint> Points) Rewrite(byte[] image, byte[] symbols, int script)
    {
        using var resolver = new DefaultAssemblyResolver();
        using var assembly = AssemblyDefinition.ReadAssembly(new MemoryStream(image, writable: false), new ReaderParameters
        {
            AssemblyResolver = resolver,
            ReadSymbols = true,
            SymbolReaderProvider = new PortablePdbReaderProvider(),
            SymbolStream = new MemoryStream(symbols, writable: false),
        });
        var probe = assembly.MainModule.ImportReference(typeof(CoverageProbe).GetMethod(nameof(CoverageProbe.Hit)));
        var methods = assembly.MainModule.GetTypes().SelectMany(type => type.Methods).Where(method => method.HasBody).ToList();
        var instrumentation = new CoverageInstrumentation(probe, script, WholeFiles(methods));
        foreach (var method in methods)
            instrumentation.Instrument(method);

        using var newImage = new MemoryStream();
        using var newSymbols = new MemoryStream();
        assembly.Write(newImage, new WriterParameters
        {
            DeterministicMvid = true,
            WriteSymbols = true,
            SymbolStream = newSymbols,
            SymbolWriterProvider = new PortablePdbWriterProvider(),
        });
        return (newImage.ToArray(), newSymbols.ToArray(), instrumentation._points);
    }

    // The code that runs the top-level statements has one statement more, which spans the whole file: nobody wrote it.
    private static HashSet<SequencePoint> WholeFiles(List<MethodDefinition> methods)
    {
        var handlers = methods.Where(method => !RunsTopLevel(method)).SelectMany(Visible).ToLookup(point => point.Document.Url, StringComparer.Ordinal);
        return [.. methods.Where(RunsTopLevel).SelectMany(Visible).Where(whole => handlers[whole.Document.Url] is var others
            && others.Any() && others.All(point => whole.StartLine <= point.StartLine && point.EndLine <= whole.EndLine))];

        static bool RunsTopLevel(MethodDefinition method) => method.DeclaringType.Name.StartsWith("<<Initialize>>", StringComparison.Ordinal);

        static IEnumerable<SequencePoint> Visible(MethodDefinition method) => method.DebugInformation.SequencePoints.Where(point => !point.IsHidden);
    }

    private void Instrument(MethodDefinition method)
    {
        var statements = method.DebugInformation.GetSequencePointMapping();
        if (!statements.Values.Any(point => !point.IsHidden))
            return;

        var body = method.Body;
        var places = body.Instructions.ToList();
        body.SimplifyMacros();
        var endings = body.ExceptionHandlers.Where(handler => handler.HandlerType is ExceptionHandlerType.Finally or ExceptionHandlerType.Fault)
            .Select(handler => handler.HandlerStart).ToHashSet();
        SequencePoint? current = null;
        foreach (var instruction in places)
        {
            // What the compiler adds on its own account has no statement: the start of an iterator, and the end of a foreach, which is a finally block.
            // A hidden statement behind a visible one belongs to it: the jumps of a switch.
            if (endings.Contains(instruction))
                current = null;

            if (statements.TryGetValue(instruction, out var statement) && !statement.IsHidden && !_wholeFiles.Contains(statement))
            {
                current = statement;
                IlEditing.InsertBefore(body, instruction, Hit(statement, isBranch: false));
            }

            if (current is not null && instruction.OpCode.FlowControl == FlowControl.Cond_Branch && !IsLambdaCache(instruction))
                InstrumentBranch(body, instruction, current);
        }

        body.OptimizeMacros();
    }

    // jump A becomes: jump TO; probe; br PAST; TO: probe; br A; PAST: ... All of it lies in the protected block of the jump, behind which the block
    // must go on, for no block ends in a conditional jump.
    private void InstrumentBranch(MethodBody body, Instruction jump, SequencePoint statement)
    {
        var processor = body.GetILProcessor();
        var past = jump.Next;
        var last = jump;
        Append(Hit(statement, isBranch: true));
        Append(Instruction.Create(OpCodes.Br, past));
        jump.Operand = jump.Operand is Instruction[] targets ? Array.ConvertAll(targets, Detour) : Detour((Instruction)jump.Operand);

        Instruction Detour(Instruction target)
        {
            var probes = Hit(statement, isBranch: true);
            Append(probes);
            Append(Instruction.Create(OpCodes.Br, target));
            return probes[0];
        }

        void Append(params ReadOnlySpan<Instruction> instructions)
        {
            foreach (var instruction in instructions)
            {
                processor.InsertAfter(last, instruction);
                last = instruction;
            }
        }
    }

    // "Is the delegate made already?" is no question of the script's: ldsfld; dup; brtrue.
    private static bool IsLambdaCache(Instruction jump) =>
        jump.Previous?.OpCode.Code == IlCode.Dup && jump.Previous.Previous is { OpCode.Code: IlCode.Ldsfld, Operand: FieldReference { Name: ['<', ..] } };

    private Instruction[] Hit(SequencePoint statement, bool isBranch)
    {
        _points.Add(new(statement.Document.Url, statement.StartLine, isBranch));
        return [Instruction.Create(OpCodes.Ldc_I4, _script), Instruction.Create(OpCodes.Ldc_I4, _points.Count - 1), Instruction.Create(OpCodes.Call, _probe)];
    }
}
