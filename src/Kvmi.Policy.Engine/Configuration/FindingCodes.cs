namespace Kvmi.Policy.Engine.Configuration;

/// <summary>
/// The stable codes of findings in policy files. <c>findings.md</c> beside this file says what each means and what to do; a test
/// holds the two together. KP01xx: the file itself; KP02xx: its meaning; KP03xx: accepted, but without effect (yet).
/// </summary>
internal static class FindingCodes
{
    public const string CannotRead = "KP0101";
    public const string FileTooLarge = "KP0102";
    public const string NotText = "KP0103";
    public const string YamlSyntax = "KP0104";
    public const string TooComplex = "KP0105";
    public const string Aliases = "KP0106";
    public const string SeveralDocuments = "KP0107";
    public const string EmptyDocument = "KP0108";
    public const string DuplicateKey = "KP0109";
    public const string KeyNotText = "KP0110";
    public const string UnknownKey = "KP0111";
    public const string MissingKey = "KP0112";
    public const string WrongType = "KP0113";
    public const string WrongWord = "KP0114";
    public const string WrongFormat = "KP0115";
    public const string OutOfRange = "KP0116";
    public const string TooManyFindings = "KP0117";

    public const string FilterDoesNotFit = "KP0201";
    public const string FilterNeverMatches = "KP0202";
    public const string MsrNotControllable = "KP0203";
    public const string HandlerOrThen = "KP0204";
    public const string IllegalDecision = "KP0205";
    public const string IllegalErrorDecision = "KP0206";
    public const string AuditFailsOpen = "KP0207";
    public const string ScriptNotFound = "KP0208";
    public const string ScriptAmbiguous = "KP0209";
    public const string PathLeavesFolder = "KP0210";
    public const string ParameterValue = "KP0211";
    public const string ParameterBounds = "KP0212";
    public const string ParameterMissing = "KP0213";
    public const string ParameterUnknown = "KP0214";
    public const string BadReference = "KP0215";
    public const string WatchAlignment = "KP0216";
    public const string WatchTooLarge = "KP0217";
    public const string WatchUnheard = "KP0218";
    public const string ExceptionExpired = "KP0219";
    public const string ExceptionExpiring = "KP0220";
    public const string ExperimentalEnforce = "KP0221";
    public const string TestField = "KP0222";
    public const string DuplicateName = "KP0223";
    public const string RequirementMismatch = "KP0224";
    public const string DuplicateId = "KP0225";
    public const string DirectoryProblem = "KP0226";
    public const string BadTest = "KP0227";
    public const string UntrustedSharedState = "KP0228";
    public const string RateReleasesNothing = "KP0229";
    public const string RateOpensPolicy = "KP0230";
    public const string SiteParameterUnknown = "KP0245";
    public const string SitePolicyUnknown = "KP0246";
    public const string VmTagUnknown = "KP0247";
    public const string GuestUnknown = "KP0248";

    public const string BitName = "KP0235";
    public const string UntrustedSinglestep = "KP0236";

    public const string TestFileMissing = "KP0307";
    public const string ParameterNotGiven = "KP0308";
    public const string AlertFieldAbsent = "KP0315";
    public const string DedupeWithoutWindow = "KP0316";

    public const string ThenFieldAbsent = "KP0340";
    public const string DeclaredClash = "KP0341";
    public const string DeclaredOverruled = "KP0342";
    public const string ClashesNotSearched = "KP0343";
    public const string ExceptionNeverMatches = "KP0344";
    public const string DialectLacksEvent = "KP0345";
    public const string SinkInvalid = "KP0346";
    public const string SinkWaitsForRestart = "KP0347";

    public const string UntrustedViews = "KP0650";
}
