namespace Kvmi.Simulator.Scenarios;

/// <summary>How a guest ended.</summary>
/// <param name="End">Completed, Limit, Crashed or Failed.</param>
/// <param name="Reason">Why, unless it is Completed or Limit.</param>
internal readonly record struct GuestEnd(SimulationEnd End, string? Reason);
