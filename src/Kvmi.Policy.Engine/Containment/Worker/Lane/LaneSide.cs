namespace Kvmi.Policy.Engine.Containment.Worker.Lane;

/// <summary>Whose turn it is. The memory starts as zeros: the worker begins, by saying that it is ready.</summary>
internal enum LaneSide : uint
{
    Worker = 0,
    Host = 1,
}
