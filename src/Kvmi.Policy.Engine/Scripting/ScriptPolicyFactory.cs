using System.Diagnostics;
using System.Reflection;
using Kvmi.Policy.Engine.Code;
using Kvmi.Policy.Engine.Containment.Metering;
using Kvmi.Policy.Engine.Model;

namespace Kvmi.Policy.Engine.Scripting;

/// <summary>A loaded script: each instance runs the top-level statements once and binds the handlers to their result.</summary>
internal sealed class ScriptPolicyFactory : IPolicyFactory
{
    private readonly string _policyId;
    private readonly string[] _files;
    private readonly Func<object?[], Task<object>> _run;
    private readonly HandlerBinding[] _handlers;

    private ScriptPolicyFactory(string policyId, string[] files, Func<object?[], Task<object>> run, HandlerBinding[] handlers, bool hasStatics)
    {
        HasStatics = hasStatics;
        _policyId = policyId;
        _files = files;
        _run = run;
        _handlers = handlers;
    }

    /// <summary>True when the script keeps something outside of its instances: then two generations that share its code are not alone.</summary>
    public bool HasStatics { get; }

    /// <summary>Finds the entry point and the handlers in the loaded assembly. The signatures are checked already.</summary>
    public static ScriptPolicyFactory Make(PolicyDefinition definition, CompiledScript script, Assembly assembly)
    {
        var type = assembly.GetType(script.TypeName, throwOnError: true)!;
        var entryPoint = type.GetMethod(script.EntryPoint, BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)!;
        CodeWarmUp.Prepare(assembly.GetTypes());
        return new(
            definition.Id,
            [script.Path, .. script.LoadedTexts.Keys],
            entryPoint.CreateDelegate<Func<object?[], Task<object>>>(),
            HandlerBinding.Find(definition, type),
            assembly.GetTypes().Any(HasStaticFields));
    }

    public BoundPolicy Create(IPolicyServices services)
    {
        var globals = new PolicyScript();
        globals.Attach(services);

        // The compiler's convention: slot 0 is the globals object; the submission puts itself into slot 1.
        var submission = new object?[] { globals, null };
        var meter = ScriptMeter.Current;
        meter.Begin(PolicyBudget.Initialization.Fuel, PolicyBudget.Initialization.Memory);
        try
        {
            // Completed already: scripts cannot await.
            _run(submission).GetAwaiter().GetResult();
            if (meter.End() is { } exceeded)
                throw new ScriptLimitException(exceeded);
        }
        catch (Exception exception)
        {
            throw new PolicyInitializationException(
                $"policy '{_policyId}': {LocationOf(exception)}: the top-level statements threw {ExceptionText.Of(exception)}",
                exception);
        }

        finally
        {
            meter.End();
        }

        return new(globals, HandlerBinding.Bind(_handlers, submission[1]));
    }

    // What the compiler keeps for itself, delegates and tables, is no state.
    private static bool HasStaticFields(Type type) => !type.Name.StartsWith('<')
        && type.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic).Any(field => !field.IsLiteral && !field.Name.StartsWith('<'));

    private string LocationOf(Exception exception)
    {
        foreach (var frame in new StackTrace(exception, fNeedFileInfo: true).GetFrames())
        {
            if (frame.GetFileName() is { } file && _files.Contains(file))
                return $"{file}:{frame.GetFileLineNumber()}:{Math.Max(1, frame.GetFileColumnNumber())}";
        }

        return _files[0];
    }
}
