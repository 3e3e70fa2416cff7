namespace Kvmi.Policy.Engine.Containment.Worker.Lane;

/// <summary>What a message of a lane is. Host and worker are one binary, so the numbers are nobody else's.</summary>
internal enum LaneCode : byte
{
    /// <summary>Not a message.</summary>
    None = 0,

    // The worker's last word on something.
    Ready = 1,
    Created = 2,
    Decided = 3,
    Failed = 4,
    Done = 5,

    // What the host asks for.
    Create = 16,
    Decide = 17,
    DecideOtherwise = 18,
    Detach = 19,

    // What the worker asks for in between.
    ReadPhysical = 32,
    ReadVirtual = 33,
    Translate = 34,
    HashPage = 35,
    WritePhysical = 36,
    SetPage = 37,
    ReleasePage = 38,
    GetPage = 39,
    Notice = 40,
    FindFact = 41,
    ReadMany = 42,
    TranslateMany = 43,

    // The host's answer to that.
    Result = 64,
    Refused = 65,
}
