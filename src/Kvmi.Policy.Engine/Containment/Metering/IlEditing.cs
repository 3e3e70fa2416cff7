using Mono.Cecil.Cil;

namespace Kvmi.Policy.Engine.Containment.Metering;

/// <summary>Changes to the body of a method that keep its jumps and protected blocks whole.</summary>
internal static class IlEditing
{
    /// <summary>
    /// Puts instructions before another one. Whatever led to it leads to the first of them from now on, and the borders of protected blocks move with
    /// it. Short branches must have been made long before.
    /// </summary>
    public static void InsertBefore(MethodBody body, Instruction place, params ReadOnlySpan<Instruction> added)
    {
        var first = added[0];
        var processor = body.GetILProcessor();
        foreach (var instruction in added)
            processor.InsertBefore(place, instruction);

        foreach (var instruction in body.Instructions)
        {
            if (ReferenceEquals(instruction.Operand, place))
                instruction.Operand = first;
            else if (instruction.Operand is Instruction[] targets)
                instruction.Operand = Array.ConvertAll(targets, target => ReferenceEquals(target, place) ? first : target);
        }

        foreach (var handler in body.ExceptionHandlers)
        {
            handler.TryStart = Moved(handler.TryStart);
            handler.TryEnd = Moved(handler.TryEnd);
            handler.HandlerStart = Moved(handler.HandlerStart);
            handler.HandlerEnd = Moved(handler.HandlerEnd);
            handler.FilterStart = Moved(handler.FilterStart);
        }

        Instruction? Moved(Instruction? border) => ReferenceEquals(border, place) ? first : border;
    }
}
